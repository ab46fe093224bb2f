/*
 * Measures what forwarding a UDP packet costs: udp-path NETNS ADDRESS COUNT
 *
 * Sends COUNT packets to ADDRESS and prints the processor time of this thread for each, in ns, which includes their whole
 * way through the kernel, as veth delivers within the call. First each packet goes to another port, so each begins a
 * connection. Then all go to one port that has answered once; its socket is in the network namespace NETNS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT 20000
#define ECHO_PORT 19999

static void die(const char *what) {
  perror(what);
  exit(1);
}

static long long cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void send_to(int fd, struct sockaddr_in *to, int port) {
  to->sin_port = htons(port);
  if (sendto(fd, "x", 1, 0, (struct sockaddr *)to, sizeof *to) != 1) die("sendto");
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int count = atoi(argv[3]);
  struct sockaddr_in to = {.sin_family = AF_INET};
  if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) return 2;

  int client = socket(AF_INET, SOCK_DGRAM, 0);
  int own = open("/proc/self/ns/net", O_RDONLY), other = open(argv[1], O_RDONLY);
  if (client < 0 || own < 0 || other < 0) die("open");
  if (setns(other, CLONE_NEWNET) < 0) die("setns");
  int server = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(ECHO_PORT)};
  if (server < 0 || bind(server, (struct sockaddr *)&at, sizeof at) < 0) die("bind");
  if (setns(own, CLONE_NEWNET) < 0) die("setns");
  struct timeval limit = {.tv_sec = 10};
  setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);

  long long began = cpu_ns();
  for (int i = 0; i < count; i++) send_to(client, &to, FIRST_PORT + i);
  double first = (double)(cpu_ns() - began) / count;

  char byte;
  struct sockaddr_in from;
  socklen_t length = sizeof from;
  send_to(client, &to, ECHO_PORT);
  if (recvfrom(server, &byte, 1, 0, (struct sockaddr *)&from, &length) != 1) die("no packet arrived");
  if (sendto(server, "y", 1, 0, (struct sockaddr *)&from, length) != 1) die("reply");
  if (recv(client, &byte, 1, 0) != 1) die("no reply arrived");
  began = cpu_ns();
  for (int i = 0; i < count; i++) send_to(client, &to, ECHO_PORT);
  printf("%.0f %.0f\n", first, (double)(cpu_ns() - began) / count);
  return 0;
}
