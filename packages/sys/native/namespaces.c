/* Namespaces and mounts of the calling thread. */
#include "core.h"

#include <fcntl.h>
#include <linux/stat.h>

enum { SIOCGSKNS_ = 0x894C };

/*
 * What a short-lived program keeps, which has one thread, until that moves to another namespace: a descriptor of the
 * namespace, and the socket that it came from for cnk_kept_socket(); or -1.
 */
static int kept_netns = -1, kept_socket = -1;

static void forget(void) {
  if (kept_netns >= 0) syscall(SYS_close, kept_netns);
  if (kept_socket >= 0) syscall(SYS_close, kept_socket);
  kept_netns = kept_socket = -1;
}

int64_t cnk_kept_socket(void) {
  int socket = kept_socket;
  kept_socket = -1;
  return socket;
}

void cnk_release_netns(int64_t fd) {
  if (fd != kept_netns) syscall(SYS_close, (int)fd);
}

/*
 * Uses a socket (Linux 4.9, with CAP_NET_ADMIN), which is faster than the first lookup below /proc/thread-self: there
 * the kernel creates the directory.
 */
int64_t cnk_own_netns(void) {
  if (kept_netns >= 0) return kept_netns;
  int64_t socket = cnk_route_socket(), fd = -ENOTTY;
  if (socket >= 0) {
    fd = cnk_result(syscall(SYS_ioctl, (int)socket, SIOCGSKNS_, 0));
    if (cnk_ends_soon) kept_socket = (int)socket;
    else syscall(SYS_close, (int)socket);
  }
  if (fd < 0) fd = CNK_RETRY(syscall(SYS_openat, AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0));
  if (cnk_ends_soon && fd >= 0) kept_netns = (int)fd;
  return fd;
}

/* 1 when the path is the thread's network namespace, else 0. */
int64_t cnk_inNetns(const cnk_arg *a, cnk_out *out) {
  (void)out;
  struct statx other, own;
  int64_t r = cnk_result(syscall(SYS_statx, AT_FDCWD, a[0].text, 0, STATX_INO, &other));
  if (r < 0) return r;
  int64_t fd = cnk_own_netns();
  if (fd < 0) return fd;
  r = cnk_result(syscall(SYS_statx, (int)fd, "", 0x1000 /* AT_EMPTY_PATH */, STATX_INO, &own));
  cnk_release_netns(fd);
  if (r < 0) return r;
  return own.stx_ino == other.stx_ino && own.stx_dev_major == other.stx_dev_major &&
         own.stx_dev_minor == other.stx_dev_minor;
}

int64_t cnk_setns(const cnk_arg *a, cnk_out *out) {
  (void)out;
  forget();
  return cnk_result(syscall(SYS_setns, (int)a[0].num, (int)a[1].num));
}

int64_t cnk_unshare(const cnk_arg *a, cnk_out *out) {
  (void)out;
  forget();
  return cnk_result(syscall(SYS_unshare, (int)a[0].num));
}

/* (source, target, fstype, flags, data); empty data means none. */
int64_t cnk_mount(const cnk_arg *a, cnk_out *out) {
  (void)out;
  const char *data = a[4].len ? a[4].text : NULL;
  return cnk_result(syscall(SYS_mount, a[0].text, a[1].text, a[2].text, (unsigned long)a[3].num, data));
}

int64_t cnk_umount(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return cnk_result(syscall(SYS_umount2, a[0].text, (int)a[1].num));
}
