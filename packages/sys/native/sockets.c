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
  int64_t home = cnk_own_netns();
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

/* As in linux/if.h, whose other members nobody needs. */
struct ifreq_ {
  char name[16];
  union {
    uint8_t bytes[24];
    void *data;
  };
};

/* A name that is too long is one that there is no interface of. */
static int64_t name_into(struct ifreq_ *request, const cnk_arg *name) {
  memset(request, 0, sizeof *request);
  if (name->len >= sizeof request->name) return -ENODEV;
  memcpy(request->name, name->text, name->len);
  return 0;
}

/*
 * (fd, request, name, byte[24]): a question of netdevice(7) about an interface of the socket's namespace; what follows
 * the name in the answer goes into the bytes. Only for requests whose struct ifreq has no pointer in it.
 */
int64_t cnk_ifreq(const cnk_arg *a, cnk_out *out) {
  (void)out;
  struct ifreq_ request;
  if (a[3].len < sizeof request.bytes) return -EINVAL;
  int64_t r = name_into(&request, &a[2]);
  if (r == 0) r = cnk_result(syscall(SYS_ioctl, (int)a[0].num, (unsigned long)a[1].num, &request));
  if (r >= 0) memcpy(a[3].bytes, request.bytes, sizeof request.bytes);
  return r;
}

/* As in linux/ethtool.h. */
struct drvinfo_ {
  uint32_t command;
  char driver[32], rest[160];
};

/* ETHTOOL_GDRVINFO. */
static int64_t ask_driver(int fd, const cnk_arg *name, struct drvinfo_ *info) {
  struct ifreq_ request;
  int64_t r = name_into(&request, name);
  info->command = 3;
  request.data = info;
  return r < 0 ? r : cnk_result(syscall(SYS_ioctl, fd, 0x8946 /* SIOCETHTOOL */, &request));
}

/* (fd, name): the driver of an interface. */
int64_t cnk_driver(const cnk_arg *a, cnk_out *out) {
  struct drvinfo_ info;
  int64_t r = ask_driver((int)a[0].num, &a[1], &info);
  if (r < 0) return r;
  size_t length = strnlen(info.driver, sizeof info.driver);
  char *room = cnk_out_room(out, length);
  if (!room) return -ENOMEM;
  memcpy(room, info.driver, length);
  out->len += length;
  return 0;
}

int64_t cnk_send(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return CNK_RETRY(syscall(SYS_sendto, (int)a[0].num, a[1].bytes, a[1].len, 0x4000 /* MSG_NOSIGNAL */, NULL, 0));
}

int cnk_ends_soon;

static void pause_for(long ns) {
  struct timespec left = {0, ns};
  syscall(SYS_nanosleep, &left, NULL);
}

/*
 * (fd, message, name): has the message sent by a child, and returns when no interface of that name is there any more, or
 * the kernel has answered. Who asks the kernel to delete an interface gets no answer before all processors have been
 * seen to be done with it, 10 to 30 ms after it has gone.
 *
 * The question for the driver waits for the kernel's lock of interfaces, under which one goes with all that hangs on it:
 * ENODEV is said after that. Not in a program that lives on, whose the child would stay when it has ended.
 */
int64_t cnk_sendDetached(const cnk_arg *a, cnk_out *out) {
  int fd = (int)a[0].num;
  struct drvinfo_ info;
  /* Of what is not there the kernel says so at once. */
  if (!cnk_ends_soon || ask_driver(fd, &a[2], &info) == -ENODEV) return cnk_send(a, out);
  int64_t child = cnk_result(fork());
  if (child < 0) return cnk_send(a, out);
  if (child == 0) {
    /* Who has started us waits for the end of what it reads. All else that is open may as well be closed later. */
    for (int i = 0; i < 3; i++)
      if (i != fd) syscall(SYS_close, i);
    cnk_send(a, out);
    _exit(0);
  }
  struct pollfd answer = {fd, POLLIN, 0};
  struct timespec now = {0, 0};
  /* About 20 seconds. */
  for (int i = 0; i < 100000; i++) {
    if (syscall(SYS_ppoll, &answer, 1, &now, NULL, 0) > 0 || ask_driver(fd, &a[2], &info) == -ENODEV)
      return (int64_t)a[1].len;
    pause_for(i < 100 ? 20000 : 200000);
  }
  return -ETIMEDOUT;
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
