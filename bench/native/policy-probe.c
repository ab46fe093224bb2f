/*
 * policy-probe CLIENT SERVER ADDRESS: sends packets from the network namespace CLIENT to ADDRESS of the namespace SERVER,
 * and prints when they begin to arrive and when they cease: `open TIME` or `closed TIME`, the time when the first such packet
 * was sent, in ns of CLOCK_MONOTONIC. Ends when standard input does. The server sends nothing, so each packet meets the
 * rules for new connections.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* So many packets in a row must be lost: the kernel may deliver one late. */
enum { PORT = 80, PAUSE_US = 100, LOST = 30, REMEMBERED = 1 << 16 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int socket_in(const char *netns) {
  int at = open(netns, O_RDONLY | O_CLOEXEC);
  if (at < 0 || setns(at, CLONE_NEWNET) < 0) die(netns);
  close(at);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket");
  return fd;
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char **argv) {
  static long long sent_at[REMEMBERED];
  if (argc != 4) return 2;
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)}, server = any;
  if (inet_pton(AF_INET, argv[3], &server.sin_addr) != 1) return 2;
  int to = socket_in(argv[2]), from = socket_in(argv[1]), is_open = 0;
  if (bind(to, (struct sockaddr *)&any, sizeof any) < 0) die("bind");
  struct pollfd input = {.fd = 0, .events = POLLIN};
  for (long long sent = 0, arrived = -1; poll(&input, 1, 0) == 0; sent++) {
    sent_at[sent % REMEMBERED] = now();
    sendto(from, &sent, sizeof sent, 0, (struct sockaddr *)&server, sizeof server);
    for (long long number; recv(to, &number, sizeof number, 0) == sizeof number; arrived = number)
      if (!is_open) {
        is_open = 1;
        printf("open %lld\n", sent_at[number % REMEMBERED]);
      }
    if (is_open && sent - arrived >= LOST) {
      is_open = 0;
      printf("closed %lld\n", sent_at[(arrived + 1) % REMEMBERED]);
    }
    fflush(stdout);
    usleep(PAUSE_US);
  }
  return 0;
}
