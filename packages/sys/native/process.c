/* The process: environment, clocks, randomness, exit. */
#include "core.h"

#include <string.h>
#include <time.h>

extern char **environ;

int64_t cnk_getpid(const cnk_arg *a, cnk_out *out) {
  (void)a;
  (void)out;
  return cnk_result(syscall(SYS_getpid));
}

/* Returns 1 if the text begins with one of the words, which spaces separate. */
static int begins_with_one(const char *text, const char *words) {
  for (const char *word = words;; word++) {
    for (const char *at = text; *word && *word != ' ' && *word == *at; at++) word++;
    if (!*word || *word == ' ') return 1;
    while (*word && *word != ' ') word++;
    if (!*word) return 0;
  }
}

int64_t cnk_environ(const cnk_arg *a, cnk_out *out) {
  for (char **e = environ; e && *e; e++) {
    if (!begins_with_one(*e, a[0].text)) continue;
    size_t len = strlen(*e);
    char *room = cnk_out_room(out, len);
    if (!room) return -ENOMEM;
    memcpy(room, *e, len);
    out->len += len;
    if (cnk_out_end(out) < 0) return -ENOMEM;
  }
  return 0;
}

/* No exit handlers and no buffers to flush: all output here is write(2). */
int64_t cnk_exit(const cnk_arg *a, cnk_out *out) {
  (void)out;
  syscall(SYS_exit_group, (int)a[0].num & 0xff);
  __builtin_unreachable();
}

/* Microseconds, which fit a double until the year 2255; nanoseconds would not fit today. */
int64_t cnk_clock(const cnk_arg *a, cnk_out *out) {
  (void)out;
  struct timespec t;
  if (clock_gettime((clockid_t)a[0].num, &t) < 0) return -(int64_t)errno;
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t cnk_sleepMs(const cnk_arg *a, cnk_out *out) {
  (void)out;
  if (a[0].num < 0) return -EINVAL;
  struct timespec left = {a[0].num / 1000, (a[0].num % 1000) * 1000000};
  /* An interrupted sleep continues with the remaining time. */
  return CNK_RETRY(syscall(SYS_nanosleep, &left, &left));
}

int64_t cnk_random(const cnk_arg *a, cnk_out *out) {
  (void)out;
  size_t done = 0;
  while (done < a[0].len) {
    int64_t n = CNK_RETRY(syscall(SYS_getrandom, a[0].bytes + done, a[0].len - done, 0));
    if (n < 0) return n;
    done += (size_t)n;
  }
  return 0;
}
