/*
 * Traffic between pods, by their network namespaces. All sockets belong to one thread, and veth delivers within the
 * call, so the thread's processor time includes the whole way through the kernel.
 *
 * pod-traffic pair NETNS NETNS: prints the processor time of a UDP round trip between two pods in ns, and the
 * processor time that 256 MiB of a TCP connection take, in ns per KiB.
 *
 * pod-traffic all ADDRESS NETNS...: prints the time in ms until each pod has reached its two neighbours in the list, and
 * ADDRESS, which belongs to the own namespace. All pods of a node share the kernel's table of neighbours, which has 1,024
 * entries by default, so on a bridge 100 pods cannot reach each other.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 19999, ROUND_TRIPS = 20000, MAX_PODS = 200, PATIENCE_S = 60, OTHERS = 2 };
static const long long STREAM_BYTES = 256LL << 20;

struct pod {
  int fd;
  struct in_addr address;
};

static int own;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static long long ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void enter(const char *netns) {
  int fd = open(netns, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) die(netns);
  close(fd);
}

static void leave(void) {
  if (setns(own, CLONE_NEWNET) < 0) die("setns");
}

static struct sockaddr_in socket_address(struct in_addr address) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = address};
}

/* Opens a socket in the current namespace. */
static int open_bound(int type) {
  int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = 4 << 20;
  struct sockaddr_in any = socket_address((struct in_addr){0});
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) < 0) die("bind");
  return fd;
}

/* Returns the IPv4 address of eth0 in the current namespace. */
static struct in_addr address_of_pod(const char *netns) {
  struct ifaddrs *all;
  if (getifaddrs(&all) < 0) die("getifaddrs");
  for (struct ifaddrs *one = all; one; one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET || strcmp(one->ifa_name, "eth0")) continue;
    struct in_addr address = ((struct sockaddr_in *)one->ifa_addr)->sin_addr;
    freeifaddrs(all);
    return address;
  }
  fprintf(stderr, "%s: eth0 has no IPv4 address\n", netns);
  exit(1);
}

static struct pod open_pod(const char *netns) {
  enter(netns);
  struct pod pod = {.fd = open_bound(SOCK_DGRAM), .address = address_of_pod(netns)};
  leave();
  return pod;
}

static int wait_for(int fd, short events) {
  struct pollfd one = {.fd = fd, .events = events};
  return poll(&one, 1, PATIENCE_S * 1000) == 1;
}

static void pass(int from, int to, struct in_addr address) {
  struct sockaddr_in at = socket_address(address);
  char byte = 'x';
  if (sendto(from, &byte, 1, 0, (struct sockaddr *)&at, sizeof at) != 1) die("sendto");
  while (recv(to, &byte, 1, 0) != 1)
    if (errno != EAGAIN || !wait_for(to, POLLIN)) die("no packet arrived");
}

static double round_trip(const struct pod *a, const struct pod *b) {
  long long began = 0;
  for (int i = -100; i < ROUND_TRIPS; i++) {
    if (i == 0) began = ns(CLOCK_THREAD_CPUTIME_ID);
    pass(a->fd, b->fd, b->address);
    pass(b->fd, a->fd, a->address);
  }
  return (double)(ns(CLOCK_THREAD_CPUTIME_ID) - began) / ROUND_TRIPS;
}

static double stream(const char *from, const char *to, struct in_addr address) {
  static char bytes[256 << 10];
  struct sockaddr_in at = socket_address(address);
  enter(to);
  int listener = open_bound(SOCK_STREAM);
  if (listen(listener, 1) < 0) die("listen");
  leave();
  enter(from);
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (connect(client, (struct sockaddr *)&at, sizeof at) < 0 && errno != EINPROGRESS) die("connect");
  leave();
  if (!wait_for(listener, POLLIN)) die("no connection arrived");
  int server = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (server < 0 || !wait_for(client, POLLOUT)) die("accept");
  long long began = ns(CLOCK_THREAD_CPUTIME_ID), sent = 0, received = 0;
  while (received < STREAM_BYTES) {
    ssize_t size = sent < STREAM_BYTES ? write(client, bytes, sizeof bytes) : 0;
    if (size > 0) sent += size;
    ssize_t got = read(server, bytes, sizeof bytes);
    if (got > 0) received += got;
    if (got < 0 && errno == EAGAIN && size <= 0 && !wait_for(server, POLLIN)) die("the connection stalls");
  }
  double result = (double)(ns(CLOCK_THREAD_CPUTIME_ID) - began) / (double)(STREAM_BYTES >> 10);
  close(client);
  close(server);
  close(listener);
  return result;
}

static void pair(char **netns) {
  struct pod a = open_pod(netns[0]), b = open_pod(netns[1]);
  double latency = round_trip(&a, &b);
  printf("%.0f %.1f\n", latency, stream(netns[0], netns[1], b.address));
}

/* Notes the senders whose packets have arrived. */
static void receive(const struct pod *pod, const struct pod *all, int count, char *heard, int *missing) {
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  char byte;
  while (recvfrom(pod->fd, &byte, 1, 0, (struct sockaddr *)&from, &size) == 1) {
    for (int i = 0; i < count; i++) {
      if (all[i].address.s_addr != from.sin_addr.s_addr || heard[i]) continue;
      heard[i] = 1;
      --*missing;
    }
  }
}

/* Returns 1 if the first pod must reach the second one, or the node, which is behind the last pod. */
static int must_reach(int from, int to, int count) {
  return to == count || (from != to && (to - from + count) % count <= OTHERS);
}

static void reach_all(const char *node, int count, char **netns) {
  static struct pod pods[MAX_PODS + 1];
  static char heard[MAX_PODS + 1][MAX_PODS];
  struct rlimit files = {.rlim_cur = 4096, .rlim_max = 4096};
  setrlimit(RLIMIT_NOFILE, &files);
  if (count > MAX_PODS) exit(2);
  long long began = ns(CLOCK_MONOTONIC);
  for (int i = 0; i < count; i++) pods[i] = open_pod(netns[i]);
  pods[count].fd = open_bound(SOCK_DGRAM);
  if (inet_pton(AF_INET, node, &pods[count].address) != 1) exit(2);
  int missing = 0;
  for (int to = 0; to <= count; to++)
    for (int from = 0; from < count; from++) missing += must_reach(from, to, count);
  const int ways = missing;
  while (missing > 0) {
    if (ns(CLOCK_MONOTONIC) - began > PATIENCE_S * 1000000000LL) {
      fprintf(stderr, "%d of %d ways between pods carry no packets\n", missing, ways);
      exit(1);
    }
    for (int to = 0; to <= count; to++) {
      struct sockaddr_in at = socket_address(pods[to].address);
      for (int from = 0; from < count; from++)
        if (must_reach(from, to, count) && !heard[to][from]) sendto(pods[from].fd, "x", 1, 0, (struct sockaddr *)&at, sizeof at);
      receive(&pods[to], pods, count, heard[to], &missing);
    }
    for (int to = 0; to <= count; to++) receive(&pods[to], pods, count, heard[to], &missing);
    if (missing > 0) usleep(1000);
  }
  printf("%.1f\n", (double)(ns(CLOCK_MONOTONIC) - began) / 1e6);
}

int main(int argc, char **argv) {
  own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (own < 0) die("/proc/self/ns/net");
  if (argc == 4 && !strcmp(argv[1], "pair")) pair(argv + 2);
  else if (argc > 3 && !strcmp(argv[1], "all")) reach_all(argv[2], argc - 3, argv + 3);
  else return 2;
  return 0;
}
