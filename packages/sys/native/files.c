/* Files, directories, locks. */
#include "core.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>

/*
 * The numbers of the TypeScript constants are x86-64's. Two of them differ on
 * arm64; there they are translated to what this core was compiled for.
 */
static int open_flags(int64_t flags) {
  enum { X64_DIRECTORY = 0200000, X64_NOFOLLOW = 0400000 };
  int rest = (int)flags & ~(X64_DIRECTORY | X64_NOFOLLOW);
  if (flags & X64_DIRECTORY) rest |= O_DIRECTORY;
  if (flags & X64_NOFOLLOW) rest |= O_NOFOLLOW;
  return rest | O_CLOEXEC;
}

static int64_t open_at(const char *path, int64_t flags, int64_t mode) {
  return CNK_RETRY(syscall(SYS_openat, AT_FDCWD, path, open_flags(flags), (unsigned)mode));
}

/* Linux frees the descriptor even when close() says EINTR: never call it twice. */
static int64_t close_fd(int fd) {
  int64_t r = cnk_result(syscall(SYS_close, fd));
  return r == -EINTR ? 0 : r;
}

int64_t cnk_open(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return open_at(a[0].text, a[1].num, a[2].num);
}

int64_t cnk_close(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return close_fd((int)a[0].num);
}

int64_t cnk_read(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return CNK_RETRY(syscall(SYS_read, (int)a[0].num, a[1].bytes, a[1].len));
}

int64_t cnk_write(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return CNK_RETRY(syscall(SYS_write, (int)a[0].num, a[1].bytes, a[1].len));
}

int64_t cnk_read_all(int fd, size_t max, cnk_out *out) {
  size_t start = out->len;
  for (;;) {
    size_t got = out->len - start;
    /* Reads one byte beyond the limit, to distinguish "exactly max" from "more". */
    size_t want = max - got + 1;
    size_t left = out->cap - out->len, step = left > 0 ? left : out->cap;
    if (want > step) want = step;
    char *room = cnk_out_room(out, want);
    if (!room) return -ENOMEM;
    int64_t n = CNK_RETRY(syscall(SYS_read, fd, room, want));
    if (n < 0) return n;
    if (n == 0) return (int64_t)got;
    out->len += (size_t)n;
    if (out->len - start > max) return -EFBIG;
  }
}

int64_t cnk_readText(const cnk_arg *a, cnk_out *out) {
  int64_t fd = open_at(a[0].text, O_RDONLY, 0);
  if (fd < 0) return fd;
  int64_t r = cnk_read_all((int)fd, (size_t)a[1].num, out);
  close_fd((int)fd);
  return r;
}

int64_t cnk_readFdText(const cnk_arg *a, cnk_out *out) {
  return cnk_read_all((int)a[0].num, (size_t)a[1].num, out);
}

/* One write: files below /proc/sys need the whole value in one write. */
int64_t cnk_writeText(const cnk_arg *a, cnk_out *out) {
  (void)out;
  int64_t fd = open_at(a[0].text, a[2].num, a[3].num);
  if (fd < 0) return fd;
  int64_t r = 0;
  if (a[1].len > 0) {
    r = CNK_RETRY(syscall(SYS_write, (int)fd, a[1].text, a[1].len));
    if (r >= 0) r = (size_t)r == a[1].len ? 0 : -EIO;
  }
  int64_t closed = close_fd((int)fd);
  return r < 0 ? r : closed;
}

int64_t cnk_writeFdText(const cnk_arg *a, cnk_out *out) {
  (void)out;
  size_t done = 0;
  while (done < a[1].len) {
    int64_t n = CNK_RETRY(syscall(SYS_write, (int)a[0].num, a[1].text + done, a[1].len - done));
    if (n == -EAGAIN) {
      /* A pipe to a Node parent may be non-blocking: wait for room instead of spinning. */
      struct { int fd; short events, revents; } p = {(int)a[0].num, 4 /* POLLOUT */, 0};
      n = CNK_RETRY(syscall(SYS_ppoll, &p, 1, NULL, NULL, 0));
      if (n < 0) return n;
      continue;
    }
    if (n < 0) return n;
    done += (size_t)n;
  }
  return 0;
}

int64_t cnk_fsync(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return CNK_RETRY(syscall(SYS_fsync, (int)a[0].num));
}

int64_t cnk_flock(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return CNK_RETRY(syscall(SYS_flock, (int)a[0].num, (int)a[1].num));
}

int64_t cnk_rename(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return cnk_result(syscall(SYS_renameat2, AT_FDCWD, a[0].text, AT_FDCWD, a[1].text, 0));
}

int64_t cnk_link(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return cnk_result(syscall(SYS_linkat, AT_FDCWD, a[0].text, AT_FDCWD, a[1].text, 0));
}

int64_t cnk_unlink(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return cnk_result(syscall(SYS_unlinkat, AT_FDCWD, a[0].text, 0));
}

int64_t cnk_mkdir(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return cnk_result(syscall(SYS_mkdirat, AT_FDCWD, a[0].text, (unsigned)a[1].num));
}

int64_t cnk_rmdir(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return cnk_result(syscall(SYS_unlinkat, AT_FDCWD, a[0].text, AT_REMOVEDIR));
}

/* The record of getdents64(2); no header exports it. */
struct dirent64 {
  uint64_t ino;
  int64_t off;
  uint16_t reclen;
  uint8_t type;
  char name[];
};

static int64_t list_dir(int fd, cnk_out *out) {
  _Alignas(struct dirent64) char buf[16384];
  for (;;) {
    int64_t n = cnk_result(syscall(SYS_getdents64, fd, buf, sizeof buf));
    if (n <= 0) return n;
    for (int64_t at = 0; at < n;) {
      const struct dirent64 *d = (const struct dirent64 *)(buf + at);
      at += d->reclen;
      if (!strcmp(d->name, ".") || !strcmp(d->name, "..")) continue;
      size_t len = strlen(d->name);
      char *room = cnk_out_room(out, len);
      if (!room) return -ENOMEM;
      memcpy(room, d->name, len);
      out->len += len;
      if (cnk_out_end(out) < 0) return -ENOMEM;
    }
  }
}

int64_t cnk_readdir(const cnk_arg *a, cnk_out *out) {
  int64_t fd = CNK_RETRY(syscall(SYS_openat, AT_FDCWD, a[0].text, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (fd < 0) return fd;
  int64_t r = list_dir((int)fd, out);
  close_fd((int)fd);
  return r;
}

int64_t cnk_chmod(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return cnk_result(syscall(SYS_fchmodat, AT_FDCWD, a[0].text, (unsigned)a[1].num));
}

/* Into double[5]: dev, ino, mode, size, mtime in ms. */
int64_t cnk_stat(const cnk_arg *a, cnk_out *out) {
  (void)out;
  struct statx st;
  double to[5];
  if (a[1].len < sizeof to) return -EINVAL;
  int64_t r = cnk_result(syscall(SYS_statx, AT_FDCWD, a[0].text, 0, STATX_BASIC_STATS, &st));
  if (r < 0) return r;
  /* dev as stat(2) gives it: the kernel's "new" encoding of major and minor. */
  uint64_t dev = (st.stx_dev_minor & 0xff) | ((uint64_t)st.stx_dev_major << 8) |
                 ((uint64_t)(st.stx_dev_minor & ~0xffu) << 12);
  to[0] = (double)dev;
  to[1] = (double)st.stx_ino;
  to[2] = st.stx_mode;
  to[3] = (double)st.stx_size;
  to[4] = (double)st.stx_mtime.tv_sec * 1000 + st.stx_mtime.tv_nsec / 1000000.0;
  memcpy(a[1].bytes, to, sizeof to);
  return 0;
}

int64_t cnk_readlink(const cnk_arg *a, cnk_out *out) {
  enum { MAX_TARGET = 4096 }; /* PATH_MAX */
  char *room = cnk_out_room(out, MAX_TARGET);
  if (!room) return -ENOMEM;
  int64_t n = cnk_result(syscall(SYS_readlinkat, AT_FDCWD, a[0].text, room, MAX_TARGET));
  if (n > 0) out->len += (size_t)n;
  return n;
}
