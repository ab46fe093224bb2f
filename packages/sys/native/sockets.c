/* Sockets; netlink's in particular. */
#include "core.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SOCK_CLOEXEC_ = 02000000, CLONE_NEWNET_ = 0x40000000 };

static int64_t new_socket(const cnk_arg *a) {
  return cnk_result(syscall(SYS_socket, (int)a[0].num, (int)a[1].num | SOCK_CLOEXEC_, (int)a[2].num));
}

/*
 * A thread that is left in a foreign network namespace would configure the
 * wrong machine's interfaces from then on: nothing is better than going on.
 */
static void __attribute__((noreturn)) lost_in_namespace(void) {
  static const char message[] = "cnikit: cannot return to the original network namespace, ending\n";
  syscall(SYS_write, 2, message, sizeof message - 1);
  abort();
}

/* (domain, type, protocol, network namespace fd or -1): a socket stays in the namespace it was made in. */
int64_t cnk_socket(const cnk_arg *a, cnk_out *out) {
  (void)out;
  if (a[3].num < 0) return new_socket(a);
  int64_t home = CNK_RETRY(syscall(SYS_openat, AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0));
  if (home < 0) return home;
  /* A closed netnsFd whose number `home` has just taken would pass for our own namespace. */
  int64_t fd = home == a[3].num ? -EBADF : cnk_result(syscall(SYS_setns, (int)a[3].num, CLONE_NEWNET_));
  if (fd >= 0) {
    fd = new_socket(a);
    if (syscall(SYS_setns, (int)home, CLONE_NEWNET_) < 0) lost_in_namespace();
  }
  syscall(SYS_close, (int)home);
  return fd;
}

/* Gives the port id that the kernel chose; it cannot be told from the process id when there are several sockets. */
int64_t cnk_bindNetlink(const cnk_arg *a, cnk_out *out) {
  (void)out;
  struct sockaddr_nl address;
  uint32_t size = sizeof address; /* socklen_t */
  memset(&address, 0, sizeof address);
  address.nl_family = 16; /* AF_NETLINK */
  address.nl_groups = (uint32_t)a[1].num;
  int64_t r = cnk_result(syscall(SYS_bind, (int)a[0].num, &address, size));
  if (r >= 0) r = cnk_result(syscall(SYS_getsockname, (int)a[0].num, &address, &size));
  return r < 0 ? r : (int64_t)address.nl_pid;
}

/* struct sockaddr_un is the same under every libc: a family and 108 bytes. A path that fills them all needs no NUL. */
static int64_t at_unix_path(long call, const cnk_arg *a) {
  struct {
    uint16_t family;
    char path[108];
  } address;
  if (a[1].len > sizeof address.path) return -ENAMETOOLONG;
  memset(&address, 0, sizeof address);
  address.family = 1; /* AF_UNIX */
  memcpy(address.path, a[1].text, a[1].len);
  return CNK_RETRY(syscall(call, (int)a[0].num, &address, (uint32_t)sizeof address));
}

int64_t cnk_bindUnix(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return at_unix_path(SYS_bind, a);
}

int64_t cnk_connectUnix(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return at_unix_path(SYS_connect, a);
}

int64_t cnk_setsockopt(const cnk_arg *a, cnk_out *out) {
  (void)out;
  int value = (int)a[3].num;
  return cnk_result(
      syscall(SYS_setsockopt, (int)a[0].num, (int)a[1].num, (int)a[2].num, &value, (uint32_t)sizeof value));
}

/* The value goes to int32[1]: as a return value it could not be told from an error. */
int64_t cnk_getsockopt(const cnk_arg *a, cnk_out *out) {
  (void)out;
  int32_t value = 0;
  uint32_t size = sizeof value;
  if (a[3].len < sizeof value) return -EINVAL;
  int64_t r = cnk_result(syscall(SYS_getsockopt, (int)a[0].num, (int)a[1].num, (int)a[2].num, &value, &size));
  if (r >= 0) memcpy(a[3].bytes, &value, sizeof value);
  return r;
}

int64_t cnk_send(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return CNK_RETRY(syscall(SYS_sendto, (int)a[0].num, a[1].bytes, a[1].len, 0x4000 /* MSG_NOSIGNAL */, NULL, 0));
}

int64_t cnk_recv(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return CNK_RETRY(syscall(SYS_recvfrom, (int)a[0].num, a[1].bytes, a[1].len, (int)a[2].num, NULL, NULL));
}

/* (fd, events, time-out in ms or -1): the events that came, 0 after the time. */
int64_t cnk_poll(const cnk_arg *a, cnk_out *out) {
  (void)out;
  struct pollfd p = {(int)a[0].num, (short)a[1].num, 0};
  struct timespec left = {a[2].num / 1000, (a[2].num % 1000) * 1000000};
  /* The kernel writes the remaining time back, so a signal does not make the wait longer. */
  int64_t n = CNK_RETRY(syscall(SYS_ppoll, &p, 1, a[2].num < 0 ? NULL : &left, NULL, 0));
  return n > 0 ? (unsigned short)p.revents : n;
}
