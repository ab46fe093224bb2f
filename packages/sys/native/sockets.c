/* Sockets, mainly netlink. */
#include "core.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AF_NETLINK_ = 16, SOCK_RAW_ = 3, SOCK_CLOEXEC_ = 02000000, CLONE_NEWNET_ = 0x40000000 };

static int64_t new_socket(int domain, int type, int protocol) {
  return cnk_result(syscall(SYS_socket, domain, type | SOCK_CLOEXEC_, protocol));
}

/*
 * Aborts: a thread that stays in a foreign network namespace would configure the
 * wrong interfaces from then on.
 */
static void __attribute__((noreturn)) lost_in_namespace(void) {
  static const char message[] = "cnikit: cannot return to the original network namespace, ending\n";
  syscall(SYS_write, 2, message, sizeof message - 1);
  abort();
}

int64_t cnk_route_socket(void) { return new_socket(AF_NETLINK_, SOCK_RAW_, NETLINK_ROUTE); }

/* netns: a descriptor, or -1. A socket stays in the namespace it was made in. */
static int64_t socket_in(int64_t netns, int domain, int type, int protocol) {
  if (netns < 0) {
    int64_t kept = domain == AF_NETLINK_ && type == SOCK_RAW_ && protocol == NETLINK_ROUTE ? cnk_kept_socket() : -1;
    return kept >= 0 ? kept : new_socket(domain, type, protocol);
  }
  int64_t home = cnk_own_netns();
  if (home < 0) return home;
  /* If netns was closed, `home` may have the same number and pass for that namespace. */
  int64_t fd = home == netns ? -EBADF : cnk_result(syscall(SYS_setns, (int)netns, CLONE_NEWNET_));
  if (fd >= 0) {
    fd = new_socket(domain, type, protocol);
    if (syscall(SYS_setns, (int)home, CLONE_NEWNET_) < 0) lost_in_namespace();
  }
  cnk_release_netns(home);
  return fd;
}

/* (domain, type, protocol, network namespace fd or -1) */
int64_t cnk_socket(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return socket_in(a[3].num, (int)a[0].num, (int)a[1].num, (int)a[2].num);
}

/* Returns the port ID that the kernel chose; with several sockets it is not the process ID. */
static int64_t bind_netlink(int fd, uint32_t groups) {
  struct sockaddr_nl address;
  uint32_t size = sizeof address; /* socklen_t */
  memset(&address, 0, sizeof address);
  address.nl_family = AF_NETLINK_;
  address.nl_groups = groups;
  int64_t r = cnk_result(syscall(SYS_bind, fd, &address, size));
  if (r >= 0) r = cnk_result(syscall(SYS_getsockname, fd, &address, &size));
  return r < 0 ? r : (int64_t)address.nl_pid;
}

int64_t cnk_bindNetlink(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return bind_netlink((int)a[0].num, (uint32_t)a[1].num);
}

/* Kernels that do not know an option (before 4.12, 4.3, 5.0) work without it. */
static int64_t enable(int fd, int option) {
  int on = 1;
  int64_t r = cnk_result(syscall(SYS_setsockopt, fd, 270 /* SOL_NETLINK */, option, &on, (uint32_t)sizeof on));
  return r == -ENOPROTOOPT ? 0 : r;
}

/* (protocol, network namespace fd or -1, uint32[1] for the port ID) */
int64_t cnk_openNetlink(const cnk_arg *a, cnk_out *out) {
  (void)out;
  if (a[2].len < sizeof(uint32_t)) return -EINVAL;
  int64_t fd = socket_in(a[1].num, AF_NETLINK_, SOCK_RAW_, (int)a[0].num);
  if (fd < 0) return fd;
  int64_t r = enable((int)fd, NETLINK_EXT_ACK);
  if (r >= 0) r = enable((int)fd, NETLINK_CAP_ACK);
  /* Netfilter has no strict dumps. */
  if (r >= 0 && a[0].num != NETLINK_NETFILTER) r = enable((int)fd, NETLINK_GET_STRICT_CHK);
  if (r >= 0) r = bind_netlink((int)fd, 0);
  if (r < 0) {
    syscall(SYS_close, (int)fd);
    return r;
  }
  uint32_t port = (uint32_t)r;
  memcpy(a[2].bytes, &port, sizeof port);
  return fd;
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

/* The value goes to int32[1], because a negative return value is an error. */
int64_t cnk_getsockopt(const cnk_arg *a, cnk_out *out) {
  (void)out;
  int32_t value = 0;
  uint32_t size = sizeof value;
  if (a[3].len < sizeof value) return -EINVAL;
  int64_t r = cnk_result(syscall(SYS_getsockopt, (int)a[0].num, (int)a[1].num, (int)a[2].num, &value, &size));
  if (r >= 0) memcpy(a[3].bytes, &value, sizeof value);
  return r;
}

/* As in linux/if.h, with the members that are needed. */
struct ifreq_ {
  char name[16];
  union {
    uint8_t bytes[24];
    void *data;
  };
};

/* A name that is too long cannot be that of an interface: ENODEV. */
static int64_t name_into(struct ifreq_ *request, const cnk_arg *name) {
  memset(request, 0, sizeof *request);
  if (name->len >= sizeof request->name) return -ENODEV;
  memcpy(request->name, name->text, name->len);
  return 0;
}

/*
 * (fd, request, name, byte[24]): an ioctl of netdevice(7) for an interface of the socket's namespace. The part of struct
 * ifreq after the name comes from the bytes and goes back to them. Only for requests without a pointer in struct ifreq.
 */
int64_t cnk_ifreq(const cnk_arg *a, cnk_out *out) {
  (void)out;
  struct ifreq_ request;
  if (a[3].len < sizeof request.bytes) return -EINVAL;
  int64_t r = name_into(&request, &a[2]);
  memcpy(request.bytes, a[3].bytes, sizeof request.bytes);
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
 * (fd, message, name): a child sends the message. Returns when no interface of that name exists, or the kernel has
 * answered. Deleting an interface blocks the caller until an RCU grace period has elapsed, 10 to 30 ms after the
 * interface is gone.
 *
 * Querying the driver takes the RTNL lock, which the kernel holds while it deletes an interface and everything attached
 * to it; so ENODEV comes after that. Long-running programs send the message themselves: the child would stay a zombie.
 */
int64_t cnk_sendDetached(const cnk_arg *a, cnk_out *out) {
  int fd = (int)a[0].num;
  struct drvinfo_ info;
  /* If the interface does not exist, the kernel answers at once. */
  if (!cnk_ends_soon || ask_driver(fd, &a[2], &info) == -ENODEV) return cnk_send(a, out);
  int64_t child = cnk_result(fork());
  if (child < 0) return cnk_send(a, out);
  if (child == 0) {
    /* The runtime waits for the end of our output. Other descriptors may be closed later. */
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

/* (fd, events, timeout in ms or -1): the events, or 0 after the timeout. */
int64_t cnk_poll(const cnk_arg *a, cnk_out *out) {
  (void)out;
  struct pollfd p = {(int)a[0].num, (short)a[1].num, 0};
  struct timespec left = {a[2].num / 1000, (a[2].num % 1000) * 1000000};
  /* The kernel writes the remaining time back, so a signal does not extend the wait. */
  int64_t n = CNK_RETRY(syscall(SYS_ppoll, &p, 1, a[2].num < 0 ? NULL : &left, NULL, 0));
  return n > 0 ? (unsigned short)p.revents : n;
}
