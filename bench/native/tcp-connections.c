/*
 * tcp-connections CLIENT SERVER ADDRESS COUNT: opens connections, one after another, from the network namespace CLIENT to
 * ADDRESS of the namespace SERVER, and resets each at once. Prints the time of one, and this program's processor time of one,
 * in ns. veth delivers within the call, so it includes the whole way through the kernel, but for a queue.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 80, PATIENCE_MS = 5000 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void enter(const char *netns) {
  int at = open(netns, O_RDONLY | O_CLOEXEC);
  if (at < 0 || setns(at, CLONE_NEWNET) < 0) die(netns);
  close(at);
}

static int open_socket(void) {
  /* A connection that lingers would end as TIME_WAIT, and use up the ports. */
  struct linger reset = {.l_onoff = 1};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) < 0) die("socket");
  return fd;
}

static void wait_for(int fd, short events) {
  struct pollfd one = {.fd = fd, .events = events};
  if (poll(&one, 1, PATIENCE_MS) == 1) return;
  fprintf(stderr, "no connection within %d ms\n", PATIENCE_MS);
  exit(1);
}

static long long ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const int count = atoi(argv[4]);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)}, server = any;
  if (count < 1 || inet_pton(AF_INET, argv[3], &server.sin_addr) != 1) return 2;
  enter(argv[2]);
  int listener = open_socket();
  if (bind(listener, (struct sockaddr *)&any, sizeof any) < 0 || listen(listener, 8) < 0) die("listen");
  enter(argv[1]);
  long long began = ns(CLOCK_MONOTONIC), used = ns(CLOCK_PROCESS_CPUTIME_ID);
  for (int i = 0; i < count; i++) {
    int client = open_socket(), error;
    socklen_t size = sizeof error;
    if (connect(client, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) die("connect");
    wait_for(client, POLLOUT);
    if (getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error) {
      errno = error;
      die("connect");
    }
    wait_for(listener, POLLIN);
    int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (accepted < 0) die("accept");
    close(client);
    close(accepted);
  }
  printf("%lld %lld\n", (ns(CLOCK_MONOTONIC) - began) / count, (ns(CLOCK_PROCESS_CPUTIME_ID) - used) / count);
  return 0;
}
