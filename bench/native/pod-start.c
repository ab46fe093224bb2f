/*
 * pod-start PARALLEL NEIGHBOUR FIRST-ADDRESS PLUGIN CONFIG NETNS...: starts a pod in each network namespace, PARALLEL at a
 * time. From its first instant each pod sends to the pod NEIGHBOUR, a network namespace, and NEIGHBOUR sends to the
 * addresses that pods get, FIRST-ADDRESS and those after it: to the port ALLOWED until a packet arrives, and to the port
 * DENIED to the end.
 *
 * The plugin runs as for ADD, with the file CONFIG as input and the environment of this program. Pods are named
 * as their namespaces.
 *
 * Prints a line for each pod: the time in ns from the end of ADD to the first packet that NEIGHBOUR sent to the pod, and to
 * the first one that the pod sent, negative if it arrived before. Then the packets that were sent to DENIED, and those that
 * arrived.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ALLOWED = 20009, DENIED = 20010, MAX_PODS = 200, PATIENCE_S = 60, LAST_ROUNDS = 50, PAUSE_US = 1000 };

/* Receivers by port, and the sender, whose port differs, so that its packets are not replies to those of the receivers. */
struct sockets {
  int allowed, denied, sender;
};

struct pod {
  const char *netns;
  struct sockets at;
  pid_t pid;
  /* Times of CLOCK_REALTIME in ns, 0 before. */
  long long into, out;
  volatile long long ended;
  volatile int status;
};

static struct pod pods[MAX_PODS];
static volatile int started;
static int own;
static long long denied_sent, denied_arrived;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static long long in_ns(struct timespec time) { return time.tv_sec * 1000000000LL + time.tv_nsec; }

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return in_ns(time);
}

/* Notes when each plugin ended, more exactly than a round of packets would. */
static void on_child(int signal) {
  (void)signal;
  int before = errno, status;
  long long at = now();
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    for (int i = 0; i < started; i++)
      if (pods[i].pid == pid) {
        pods[i].status = status;
        pods[i].ended = at;
      }
  errno = before;
}

static int open_socket(int port) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0) die("socket");
  if (port && bind(fd, (struct sockaddr *)&any, sizeof any) < 0) die("bind");
  return fd;
}

static struct sockets open_sockets(const char *netns) {
  int fd = open(netns, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) die(netns);
  close(fd);
  struct sockets at = {open_socket(ALLOWED), open_socket(DENIED), open_socket(0)};
  if (setns(own, CLONE_NEWNET) < 0) die("setns");
  return at;
}

/* Sends the number of the pod. Fails while the sender has no route. */
static int send_to(int fd, in_addr_t address, int port, int number) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {address}};
  return sendto(fd, &number, sizeof number, 0, (struct sockaddr *)&at, sizeof at) == sizeof number;
}

/* Receives a packet. Returns the time when it arrived, 0 without a packet. */
static long long receive(int fd, int *number) {
  char control[CMSG_SPACE(sizeof(struct timespec))];
  struct iovec data = {number, sizeof *number};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(fd, &message, 0) != sizeof *number) return 0;
  struct cmsghdr *one = CMSG_FIRSTHDR(&message);
  struct timespec time;
  if (!one || one->cmsg_type != SCM_TIMESTAMPNS) die("no time stamp");
  memcpy(&time, CMSG_DATA(one), sizeof time);
  return in_ns(time);
}

static void start(int i, const char *plugin, const char *config) {
  const char *id = strrchr(pods[i].netns, '/') + 1;
  char args[256];
  snprintf(args, sizeof args, "IgnoreUnknown=1;K8S_POD_NAMESPACE=bench;K8S_POD_NAME=%s;K8S_POD_UID=uid-%s", id, id);
  setenv("CNI_CONTAINERID", id, 1);
  setenv("CNI_NETNS", pods[i].netns, 1);
  setenv("CNI_ARGS", args, 1);
  sigset_t child, before;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  /* The handler must find the process in the list. */
  sigprocmask(SIG_BLOCK, &child, &before);
  pods[i].pid = fork();
  if (pods[i].pid < 0) die("fork");
  if (pods[i].pid == 0) {
    sigprocmask(SIG_SETMASK, &before, NULL);
    int in = open(config, O_RDONLY), out = open("/dev/null", O_WRONLY);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0) die(config);
    execl(plugin, plugin, NULL);
    die(plugin);
  }
  started = i + 1;
  sigprocmask(SIG_SETMASK, &before, NULL);
}

static int is_done(const struct pod *pod) { return pod->ended && pod->into && pod->out; }

/* Sends and receives once for each pod that has started. Pods get the addresses in any order. */
static void round_of_packets(const struct sockets *neighbour, in_addr_t neighbour_address, uint32_t first) {
  int closed = 0;
  for (int i = 0; i < started; i++) closed += !pods[i].into;
  for (int i = 0, number; i < started; i++) {
    struct pod *pod = &pods[i];
    in_addr_t address = htonl(first + i);
    if (!pod->out) send_to(pod->at.sender, neighbour_address, ALLOWED, i);
    if (closed) send_to(neighbour->sender, address, ALLOWED, i);
    denied_sent += send_to(pod->at.sender, neighbour_address, DENIED, i);
    denied_sent += send_to(neighbour->sender, address, DENIED, i);
    for (long long at; (at = receive(pod->at.allowed, &number));)
      if (!pod->into) pod->into = at;
    while (receive(pod->at.denied, &number)) denied_arrived++;
    for (long long at; (at = receive(neighbour->allowed, &number));)
      if (!pods[number].out) pods[number].out = at;
    while (receive(neighbour->denied, &number)) denied_arrived++;
  }
}

int main(int argc, char **argv) {
  int count = argc - 6, parallel = argc > 6 ? atoi(argv[1]) : 0, done = 0;
  struct in_addr first;
  if (parallel < 1 || count > MAX_PODS || inet_pton(AF_INET, argv[3], &first) != 1) return 2;
  struct rlimit files = {.rlim_cur = 4096, .rlim_max = 4096};
  setrlimit(RLIMIT_NOFILE, &files);
  own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (own < 0) die("/proc/self/ns/net");
  struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
  sigaction(SIGCHLD, &action, NULL);
  const struct sockets neighbour = open_sockets(argv[2]);
  for (int i = 0; i < count; i++) {
    pods[i].netns = argv[6 + i];
    pods[i].at = open_sockets(argv[6 + i]);
  }
  /* The neighbour started before the pods, so it has the address before theirs. */
  const uint32_t from = ntohl(first.s_addr);
  const long long limit = now() + PATIENCE_S * 1000000000LL;
  for (int rounds = 0; done < count || rounds < LAST_ROUNDS; rounds += done == count) {
    while (started < count && started - done < parallel) start(started, argv[4], argv[5]);
    round_of_packets(&neighbour, htonl(from - 1), from);
    done = 0;
    for (int i = 0; i < started; i++) {
      if (pods[i].ended && pods[i].status) {
        fprintf(stderr, "ADD of %s failed: wait status %d\n", pods[i].netns, pods[i].status);
        return 1;
      }
      done += is_done(&pods[i]);
    }
    if (now() > limit) {
      fprintf(stderr, "After %d s allowed packets pass for %d of %d pods\n", PATIENCE_S, done, count);
      return 1;
    }
    usleep(PAUSE_US);
  }
  for (int i = 0; i < count; i++)
    printf("%lld %lld\n", pods[i].into - pods[i].ended, pods[i].out - pods[i].ended);
  printf("%lld %lld\n", denied_sent, denied_arrived);
  return 0;
}
