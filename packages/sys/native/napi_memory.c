/*
 * Returns memory that the process does not use to the kernel, for Node only.
 *
 * Pages of files are safe to release: only those of private mappings that are not writable and have
 * no anonymous page (so no relocated or patched code, and no code that Node moved to huge pages), and
 * the kernel maps a page again from the file when it is next used.
 */
#include "core.h"

#include <node_api.h>
#include <stdlib.h>
#include <string.h>

enum { MADV_DONTNEED_ = 4, MADV_COLD_ = 20, O_CLOEXEC_ = 02000000, MAX_TEXT = 16 << 20 };

/* glibc only. */
int malloc_trim(size_t pad) __attribute__((weak));

typedef struct {
  uintptr_t start, end;
  int file; /* a private mapping of a file, not writable */
} mapping;

/* A line "start-end perms offset dev inode path" of smaps; 0 for any other. */
static int read_mapping(const char *line, mapping *m) {
  char *at;
  uintptr_t start = strtoul(line, &at, 16);
  if (at == line || *at != '-') return 0;
  m->start = start;
  m->end = strtoul(at + 1, &at, 16);
  int private = at[2] == '-' && at[4] == 'p';
  /* Skip perms, offset and dev. */
  for (int i = 0; i < 4 && at; i++) at = strchr(at + (i > 0), ' ');
  m->file = private && at && strtoul(at, NULL, 10) != 0;
  return 1;
}

static int64_t release(void) {
  if (malloc_trim) malloc_trim(0);
  int64_t fd = CNK_RETRY(syscall(SYS_openat, -100 /* AT_FDCWD */, "/proc/self/smaps", O_CLOEXEC_));
  if (fd < 0) return fd;
  cnk_out out;
  cnk_out_init(&out);
  int64_t r = cnk_read_all((int)fd, MAX_TEXT, &out);
  syscall(SYS_close, (int)fd);
  int64_t released = 0, resident = 0;
  mapping m = {0, 0, 0};
  for (char *line = out.data, *next; r >= 0 && line < out.data + out.len; line = next) {
    char *newline = memchr(line, '\n', (size_t)(out.data + out.len - line));
    if (!newline) break;
    *newline = 0;
    next = newline + 1;
    if (read_mapping(line, &m)) continue;
    if (!strncmp(line, "Rss:", 4)) resident = strtol(line + 4, NULL, 10) * 1024;
    if (m.file && !strncmp(line, "Anonymous:", 10) && strtol(line + 10, NULL, 10) == 0) {
      size_t size = m.end - m.start;
      syscall(SYS_madvise, m.start, size, MADV_COLD_);
      if (syscall(SYS_madvise, m.start, size, MADV_DONTNEED_) == 0) released += resident;
    }
  }
  cnk_out_free(&out);
  return r < 0 ? r : released;
}

/* releaseMemory(): the bytes of files that it released, or -errno. */
napi_value cnk_release_memory(napi_env env, napi_callback_info info) {
  napi_value v;
  (void)info;
  napi_create_int64(env, release(), &v);
  return v;
}
