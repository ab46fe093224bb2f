/* run(): starts a program, writes its input, collects its output, reaps it. No shell. */
#include "core.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 /* the same number on every architecture */
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum {
  SIGNALS = 64,
  SIG_KILL = 9,
  SIG_CHLD = 17,
  SIG_SETMASK_ = 2,
  OUTPUT_LIMIT = 64 << 20, /* a runaway child must not take the node's memory */
  NO_PIDFD_STEP_MS = 5,
};

/* The kernel's struct sigaction (x86-64 and arm64); libc's is laid out differently. */
struct kernel_sigaction {
  void *handler; /* NULL: SIG_DFL, 1: SIG_IGN */
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};

struct child {
  char **argv, **envp;
  char **paths; /* candidates for exec, in order, NULL at the end */
  int in[2], out[2], err[2];
  int report[2]; /* carries the errno of a failed exec; a successful exec closes it */
  int wstatus, reaped;
};

static void close_if(int *fd) {
  if (*fd >= 0) syscall(SYS_close, *fd);
  *fd = -1;
}

/* A pipe with both ends above 2, so that dup3 onto 0..2 never hits one of them. */
static int64_t high_pipe(int ends[2]) {
  int64_t r = cnk_result(syscall(SYS_pipe2, ends, O_CLOEXEC));
  if (r < 0) {
    ends[0] = ends[1] = -1;
    return r;
  }
  for (int i = 0; i < 2; i++) {
    if (ends[i] > 2) continue;
    int64_t fd = cnk_result(syscall(SYS_fcntl, ends[i], F_DUPFD_CLOEXEC, 3));
    if (fd < 0) return fd;
    syscall(SYS_close, ends[i]);
    ends[i] = (int)fd;
  }
  return 0;
}

/*
 * Runs in the vfork child, which shares the memory of the suspended parent thread, so
 * it makes only system calls. It reports errors through a pipe: some emulators turn
 * vfork into fork.
 * All signals are blocked until the handlers, which are the parent's code and
 * would run on the parent's memory, are reset.
 */
static void __attribute__((noreturn, noinline)) exec_child(struct child *c) {
  static const struct kernel_sigaction by_default;
  const uint64_t none = 0;
  for (int s = 1; s <= SIGNALS; s++) syscall(SYS_rt_sigaction, s, &by_default, NULL, sizeof none);
  int error = 0;
  if (syscall(SYS_dup3, c->in[0], 0, 0) < 0 || syscall(SYS_dup3, c->out[1], 1, 0) < 0 ||
      syscall(SYS_dup3, c->err[1], 2, 0) < 0) {
    error = errno;
  } else {
    /* Closes descriptors inherited from our own parent; before Linux 5.9 they stay open. */
    if (c->report[1] > 3) syscall(SYS_close_range, 3, c->report[1] - 1, 0);
    syscall(SYS_close_range, c->report[1] + 1, ~0u, 0);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK_, &none, NULL, sizeof none);
    error = ENOENT;
    for (char **p = c->paths; *p; p++) {
      syscall(SYS_execve, *p, c->argv, c->envp);
      /* Like a PATH search: skips directories without the program, but remembers EACCES. */
      if (errno == EACCES) error = EACCES;
      else if (errno != ENOENT && errno != ENOTDIR) {
        error = errno;
        break;
      }
    }
  }
  syscall(SYS_write, c->report[1], &error, sizeof error);
  syscall(SYS_exit_group, 127);
  __builtin_unreachable();
}

/* "a\0b\0" to {"a", "b", NULL}; the pointers look into text. */
static char **split(const char *text, size_t len) {
  size_t n = 0;
  for (size_t i = 0; i < len; i++) n += text[i] == 0;
  char **list = malloc((n + 1) * sizeof *list);
  if (!list) return NULL;
  const char *p = text;
  for (size_t i = 0; i < n; i++) {
    list[i] = (char *)p;
    p += strlen(p) + 1;
  }
  list[n] = NULL;
  return list;
}

static const char *path_of(char **envp) {
  for (; envp && *envp; envp++)
    if (!strncmp(*envp, "PATH=", 5)) return *envp + 5;
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* The paths for execve: the name itself if it has a slash, else one for each directory of PATH. */
static char **candidates(const char *name, char **envp) {
  const char *path = strchr(name, '/') || !*name ? NULL : path_of(envp);
  size_t dirs = 1, length = strlen(name);
  for (const char *p = path; p && *p; p++) dirs += *p == ':';
  /* One block: the pointers, then the strings "dir/name". */
  size_t chars = (path ? strlen(path) : 0) + dirs * (length + 3);
  char **list = malloc((dirs + 1) * sizeof *list + chars);
  if (!list) return NULL;
  char *to = (char *)(list + dirs + 1);
  size_t n = 0;
  if (!path) {
    list[n++] = memcpy(to, name, length + 1);
  } else {
    for (const char *p = path;;) {
      size_t len = strcspn(p, ":");
      list[n++] = to;
      if (len) memcpy(to, p, len);
      else *to = '.', len = 1; /* an empty entry means the current directory */
      to[len] = '/';
      memcpy(to + len + 1, name, length + 1);
      to += len + length + 2;
      p += strcspn(p, ":");
      if (!*p++) break;
    }
  }
  list[n] = NULL;
  return list;
}

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads the available bytes. 1: more may come, 0: end of file, else -errno. */
static int64_t drain(int fd, cnk_out *to) {
  for (;;) {
    if (to->len > OUTPUT_LIMIT) return -EFBIG;
    char *room = cnk_out_room(to, 65536);
    if (!room) return -ENOMEM;
    int64_t n = CNK_RETRY(syscall(SYS_read, fd, room, 65536));
    if (n == -EAGAIN) return 1;
    if (n <= 0) return n;
    to->len += (size_t)n;
  }
}

struct feed {
  const char *text;
  size_t len, done;
};

/* Writes what fits. 1: more to write, 0: all written or no reader, else -errno. */
static int64_t feed_some(int fd, struct feed *f) {
  while (f->done < f->len) {
    int64_t n = CNK_RETRY(syscall(SYS_write, fd, f->text + f->done, f->len - f->done));
    if (n == -EAGAIN) return 1;
    if (n == -EPIPE) return 0; /* a child may end without reading its input */
    if (n < 0) return n;
    f->done += (size_t)n;
  }
  return 0;
}

/*
 * Moves bytes until the child ends. It does not wait for the end of the output:
 * a daemon of the child may keep the pipes open.
 */
static int64_t converse(struct child *c, int pid, int pidfd, struct feed *f, int64_t deadline, cnk_out *o,
                        cnk_out *e) {
  for (;;) {
    if (c->in[1] >= 0) {
      int64_t r = feed_some(c->in[1], f);
      if (r < 0) return r;
      if (r == 0) close_if(&c->in[1]);
    }
    struct pollfd p[4] = {{c->in[1], POLLOUT, 0}, {c->out[0], POLLIN, 0}, {c->err[0], POLLIN, 0}, {pidfd, POLLIN, 0}};
    int64_t wait = -1;
    if (deadline >= 0) {
      wait = deadline - now_ms();
      if (wait < 0) wait = 0;
    }
    if (pidfd < 0 && (wait < 0 || wait > NO_PIDFD_STEP_MS)) wait = NO_PIDFD_STEP_MS;
    struct timespec t = {wait / 1000, (wait % 1000) * 1000000};
    int64_t n = CNK_RETRY(syscall(SYS_ppoll, p, 4, wait < 0 ? NULL : &t, NULL, 0));
    if (n < 0) return n;

    if (pidfd < 0 || p[3].revents) {
      int64_t ended = CNK_RETRY(syscall(SYS_wait4, pid, &c->wstatus, 1 /* WNOHANG */, NULL));
      if (ended < 0) return ended;
      c->reaped = ended > 0;
    }
    /* Reads after the check for the child's end, so that its last output is not lost. */
    int *fds[2] = {&c->out[0], &c->err[0]};
    cnk_out *outs[2] = {o, e};
    for (int i = 0; i < 2; i++) {
      if (*fds[i] < 0) continue;
      int64_t r = drain(*fds[i], outs[i]);
      if (r == 0) close_if(fds[i]);
      if (r < 0) return r;
    }
    if (c->reaped) return 0;
    if (deadline >= 0 && now_ms() >= deadline) return -ETIMEDOUT;
  }
}

/* vfork in a separate function, with its own stack frame; see exec_child. */
static int64_t start(struct child *c) {
  const uint64_t all = ~(uint64_t)0;
  uint64_t before;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK_, &all, &before, sizeof all);
  int pid = vfork();
  if (pid == 0) exec_child(c);
  int64_t r = pid < 0 ? -(int64_t)errno : pid;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK_, &before, NULL, sizeof before);
  return r;
}

static int64_t run_child(struct child *c, struct feed *f, int64_t timeout, cnk_out *o, cnk_out *e, int32_t *result) {
  int64_t r;
  if ((r = high_pipe(c->in)) < 0 || (r = high_pipe(c->out)) < 0 || (r = high_pipe(c->err)) < 0 ||
      (r = high_pipe(c->report)) < 0)
    return r;
  const int ours[3] = {c->in[1], c->out[0], c->err[0]};
  for (int i = 0; i < 3; i++) syscall(SYS_fcntl, ours[i], F_SETFL, O_NONBLOCK);

  /* An ignored SIGCHLD is inherited through exec; the kernel would then reap children itself. */
  struct kernel_sigaction chld;
  if (syscall(SYS_rt_sigaction, SIG_CHLD, NULL, &chld, sizeof chld.mask) == 0 && chld.handler == (void *)1) {
    static const struct kernel_sigaction by_default;
    syscall(SYS_rt_sigaction, SIG_CHLD, &by_default, NULL, sizeof chld.mask);
  }

  int64_t deadline = timeout < 0 ? -1 : now_ms() + timeout;
  int64_t pid = start(c);
  if (pid < 0) return pid;
  close_if(&c->in[0]);
  close_if(&c->out[1]);
  close_if(&c->err[1]);
  close_if(&c->report[1]);

  int error = 0;
  if (CNK_RETRY(syscall(SYS_read, c->report[0], &error, sizeof error)) == sizeof error) {
    CNK_RETRY(syscall(SYS_wait4, (int)pid, &c->wstatus, 0, NULL));
    return -(int64_t)error;
  }
  int pidfd = (int)syscall(SYS_pidfd_open, (int)pid, 0); /* close-on-exec by itself; before Linux 5.3: -1, we step */
  r = converse(c, (int)pid, pidfd, f, deadline, o, e);
  if (r < 0 && !c->reaped) {
    syscall(SYS_kill, (int)pid, SIG_KILL);
    CNK_RETRY(syscall(SYS_wait4, (int)pid, &c->wstatus, 0, NULL));
  }
  if (pidfd >= 0) syscall(SYS_close, pidfd);
  if (r < 0) return r;
  int sig = c->wstatus & 0x7f;
  result[0] = sig ? 128 + sig : (c->wstatus >> 8) & 0xff; /* as a shell reports it */
  result[1] = sig;
  return 0;
}

/* (argv, env, has env, input, time-out in ms or -1, int32[2]): each string of argv and env ends with a NUL. */
int64_t cnk_run(const cnk_arg *a, cnk_out *out) {
  extern char **environ;
  int32_t result[2];
  if (a[5].len < sizeof result || a[0].len == 0) return -EINVAL;
  struct child c = {.in = {-1, -1}, .out = {-1, -1}, .err = {-1, -1}, .report = {-1, -1}};
  struct feed feed = {a[3].text, a[3].len, 0};
  cnk_out errors;
  cnk_out_init(&errors);
  char **given = a[2].num ? split(a[1].text, a[1].len) : NULL;
  int64_t r = -ENOMEM;
  c.argv = split(a[0].text, a[0].len);
  c.envp = a[2].num ? given : environ;
  if (c.argv && (given || !a[2].num)) c.paths = candidates(c.argv[0], c.envp);
  if (c.paths) r = run_child(&c, &feed, a[4].num, out, &errors, result);
  int *fds[] = {&c.in[0], &c.in[1], &c.out[0], &c.out[1], &c.err[0], &c.err[1], &c.report[0], &c.report[1]};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) close_if(fds[i]);
  free(c.paths);
  free(c.argv);
  free(given);
  if (r >= 0) {
    memcpy(a[5].bytes, result, sizeof result);
    char *room = cnk_out_end(out) < 0 ? NULL : cnk_out_room(out, errors.len);
    if (room) {
      memcpy(room, errors.data, errors.len);
      out->len += errors.len;
    }
    if (!room || cnk_out_end(out) < 0) r = -ENOMEM;
  }
  cnk_out_free(&errors);
  return r;
}
