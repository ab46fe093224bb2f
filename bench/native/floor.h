/*
 * What the floors share: a start, netlink, the reservations, DEL and main(). A floor is what ADD costs if nothing had
 * to be thought about: the system calls of cnikit's, in its order, from C. No configuration is parsed, nothing is
 * checked, so nothing that does the same can be faster. Each has its own add().
 *
 * Environment: CNI_COMMAND, CNI_CONTAINERID, CNI_NETNS, FLOOR_DIR (of the reservations, made if missing).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

enum { PATHS = 256, ADDRESS = 64, RESULT = 300 };

static char request[4096], answer[32768];
static size_t length, message;

static void die(const char *what) {
    printf("{\"code\":999,\"msg\":\"floor\",\"details\":\"%s\"}\n", what);
    exit(1);
}

static void put(const void *bytes, size_t size) {
    memcpy(request + length, bytes, size);
    length += size;
    while (length & 3) request[length++] = 0;
}

static void begin(int type, int flags) {
    struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags};
    message = length;
    put(&header, sizeof header);
}

static void end_message(void) { ((struct nlmsghdr *)(request + message))->nlmsg_len = length - message; }

static size_t nest(int type) {
    struct rtattr attribute = {.rta_type = type};
    size_t at = length;
    put(&attribute, sizeof attribute);
    return at;
}

static void end(size_t at) { ((struct rtattr *)(request + at))->rta_len = length - at; }

static void attribute(int type, const void *bytes, size_t size) {
    struct rtattr head = {.rta_len = sizeof head + size, .rta_type = type};
    put(&head, sizeof head);
    put(bytes, size);
}

static void number(int type, unsigned value) { attribute(type, &value, sizeof value); }

static void text(int type, const char *value) { attribute(type, value, strlen(value) + 1); }

static void link_header(int index, unsigned flags) {
    struct ifinfomsg info = {.ifi_index = index, .ifi_flags = flags, .ifi_change = flags};
    put(&info, sizeof info);
}

static int netlink_socket(int protocol) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol); }

/* A socket of our network namespace for the first open_netlink(). */
static int spare = -1;

/* A descriptor of our network namespace, opened once. */
static int own_netns(void) {
    static int own = -1;
    if (own >= 0) return own;
    spare = netlink_socket(NETLINK_ROUTE);
    own = ioctl(spare, SIOCGSKNS);
    if (own < 0) die("SIOCGSKNS");
    return own;
}

/* Enters a namespace, by a descriptor. */
static void enter(int netns) {
    if (setns(netns, CLONE_NEWNET) < 0) die("setns");
}

static int open_netlink(int netns, int protocol) {
    int home = -1, on = 1, fd = -1;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    socklen_t size = sizeof address;
    if (netns >= 0) {
        home = own_netns();
        enter(netns);
    }
    if (netns < 0 && protocol == NETLINK_ROUTE) {
        fd = spare;
        spare = -1;
    }
    if (fd < 0) fd = netlink_socket(protocol);
    if (netns >= 0) enter(home);
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    if (protocol == NETLINK_ROUTE) setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, size) < 0) die("bind");
    getsockname(fd, (struct sockaddr *)&address, &size);
    return fd;
}

/* Sends what was written and receives until the last word. */
static void talk(int fd, const char *what) {
    if (send(fd, request, length, 0) < 0) die(what);
    length = 0;
    for (;;) {
        int size = recv(fd, answer, sizeof answer, MSG_TRUNC | MSG_DONTWAIT);
        if (size < 0) die(what);
        for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, size); h = NLMSG_NEXT(h, size)) {
            if (h->nlmsg_type == NLMSG_DONE) return;
            if (h->nlmsg_type != NLMSG_ERROR) continue;
            if (((struct nlmsgerr *)NLMSG_DATA(h))->error) die(what);
            return;
        }
    }
}

static struct ifreq ask(int fd, unsigned long request, const char *name) {
    struct ifreq about = {0};
    snprintf(about.ifr_name, sizeof about.ifr_name, "%s", name);
    if (ioctl(fd, request, &about) < 0) die(name);
    return about;
}

static int index_of(int fd, const char *name) { return ask(fd, SIOCGIFINDEX, name).ifr_ifindex; }

static void random_macs(unsigned char macs[2][6]) {
    if (getrandom(macs, 12, 0) != 12) die("getrandom");
    for (int i = 0; i < 2; i++) macs[i][0] = (macs[i][0] & 0xfc) | 2;
}

/* The node's end of a pair. Master and group are left out if 0. */
struct host_end {
    const char *name;
    const unsigned char *mac;
    int master, group;
    unsigned flags;
};

static void make_pair(int fd, struct host_end host, int netns, const unsigned char *mac) {
    begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    link_header(0, host.flags);
    attribute(IFLA_ADDRESS, host.mac, 6);
    if (host.master) number(IFLA_MASTER, host.master);
    if (host.group) number(IFLA_GROUP, host.group);
    number(IFLA_NUM_TX_QUEUES, 1);
    number(IFLA_NUM_RX_QUEUES, 1);
    text(IFLA_IFNAME, host.name);
    size_t info = nest(IFLA_LINKINFO);
    attribute(IFLA_INFO_KIND, "veth", 4);
    size_t data = nest(IFLA_INFO_DATA), peer = nest(VETH_INFO_PEER);
    link_header(0, 0);
    attribute(IFLA_ADDRESS, mac, 6);
    number(IFLA_NUM_TX_QUEUES, 1);
    number(IFLA_NUM_RX_QUEUES, 1);
    number(IFLA_NET_NS_FD, netns);
    text(IFLA_IFNAME, "eth0");
    end(peer);
    end(data);
    end(info);
    end_message();
    talk(fd, "RTM_NEWLINK");
}

/* Musl's open(3) sets O_CLOEXEC by a second call too. */
static int open_path(const char *path, int flags) {
    return syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static int open_in(const char *dir, const char *name, int flags) {
    char path[PATHS];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return open_path(path, flags);
}

static void stat_in(const char *dir, const char *name) {
    struct stat status;
    char path[2 * PATHS];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    stat(path, &status);
}

static size_t read_in(const char *dir, const char *name, char *into, size_t size) {
    int fd = open_in(dir, name, O_RDONLY);
    if (fd < 0) return 0;
    ssize_t got = read(fd, into, size), more = got > 0 ? read(fd, into + got, size - (size_t)got) : 0;
    close(fd);
    return got + more > 0 ? (size_t)(got + more) : 0;
}

static void write_in(const char *dir, const char *name, int flags, const char *value) {
    int fd = open_in(dir, name, O_WRONLY | O_CREAT | flags);
    if (fd < 0 || write(fd, value, strlen(value)) < 0) die(name);
    close(fd);
}

/* The network's directory, locked: a descriptor. */
static int lock(const char *dir) {
    int fd = open_in(dir, "lock", O_RDWR | O_CREAT);
    if (fd < 0) {
        mkdir(dir, 0755);
        fd = open_in(dir, "lock", O_RDWR | O_CREAT);
    }
    /* Others of this bench hold it for microseconds. */
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) usleep(1000);
    return fd;
}

/* A range: "10.5." has the addresses 10.5.0.2 and so on, "fd00:5::" the addresses fd00:5::2 and so on. */
static void next_address(const char *range, const char *last, char *next, size_t size) {
    int third = 0, fourth = 1;
    if (strchr(range, ':')) {
        snprintf(next, size, "%s%lx", range, last[0] ? strtoul(last + strlen(range), NULL, 16) + 1 : 2);
        return;
    }
    if (last[0]) sscanf(last + strlen(range), "%d.%d", &third, &fourth);
    if (++fourth > 254) third++, fourth = 2;
    snprintf(next, size, "%s%d.%d", range, third, fourth);
}

/* One address of each range: the next one; a hard link of a file in the owner's own directory, as the index has it. */
static void reserve(const char *dir, const char *id, const char *const *ranges, int count, char (*addresses)[ADDRESS]) {
    char last[64] = "", first[64] = "", counter[64], seal[80], own[PATHS], from[2 * PATHS], to[2 * PATHS];
    int fd = lock(dir);
    for (int i = 0; i < count; i++) {
        snprintf(counter, sizeof counter, "last_reserved_ip.%d", i);
        memset(last, 0, sizeof last);
        read_in(dir, counter, last, sizeof last - 1);
        next_address(ranges[i], last, addresses[i], ADDRESS);
        snprintf(own, sizeof own, "%s/%s:eth0", dir, id);
        if (i == 0) {
            memcpy(first, last, sizeof first);
            stat_in(dir, last);
            stat_in(dir, ".");
            snprintf(seal, sizeof seal, ".seal:%s", last);
            stat_in(dir, seal);
            stat_in(own, "");
        }
        mkdir(own, 0700);
        write_in(own, addresses[i], O_EXCL, id);
        snprintf(from, sizeof from, "%s/%s", own, addresses[i]);
        snprintf(to, sizeof to, "%s/%s", dir, addresses[i]);
        if (link(from, to) < 0) die("link");
        write_in(dir, counter, 0, addresses[i]);
    }
    stat_in(dir, addresses[0]);
    stat_in(dir, ".");
    snprintf(from, sizeof from, "%s/.seal:%s", dir, first);
    snprintf(to, sizeof to, "%s/.seal:%s", dir, addresses[0]);
    if (rename(from, to) < 0) close(open_path(to, O_WRONLY | O_CREAT));
    close(fd);
}

static void del(const char *host, const char *id) {
    const char *dir = getenv("FLOOR_DIR");
    char own[PATHS], path[2 * PATHS];
    int node = open_netlink(-1, NETLINK_ROUTE);
    begin(RTM_DELLINK, NLM_F_ACK);
    link_header(0, 0);
    text(IFLA_IFNAME, host);
    end_message();
    talk(node, "RTM_DELLINK");
    close(node);
    int fd = lock(dir);
    snprintf(own, sizeof own, "%s/%s:eth0", dir, id);
    DIR *held = opendir(own);
    for (struct dirent *entry; held && (entry = readdir(held));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        unlink(path);
        snprintf(path, sizeof path, "%s/%s", own, entry->d_name);
        unlink(path);
    }
    if (held) closedir(held);
    rmdir(own);
    close(fd);
}

/* The two looks at CNI_NETNS before ADD. */
static void compare_netns(const char *netns) {
    struct stat status;
    stat(netns, &status);
    fstat(own_netns(), &status);
}

static int open_netns(const char *netns) {
    int fd = open_path(netns, O_RDONLY | O_NONBLOCK);
    if (fd < 0) die(netns);
    return fd;
}

/* Writes as many bytes as a result has. */
static void write_result(void) {
    memset(answer, ' ', RESULT);
    if (write(1, answer, RESULT) != RESULT) die("write");
}

/* ADD of the attachment id, with that name of the host end. */
static void add(const char *host, const char *id);

int main(void) {
    const char *command = getenv("CNI_COMMAND"), *id = getenv("CNI_CONTAINERID");
    char host[IFNAMSIZ];
    if (!command || !id) return 2;
    for (ssize_t got = 1; got > 0;) got = read(0, answer, sizeof answer);
    /* Distinct for the ids of this bench, which end in numbers. */
    unsigned hash = 5381;
    for (const char *c = id; *c; c++) hash = hash * 33 + (unsigned char)*c;
    snprintf(host, sizeof host, "vethf%08x", hash);
    if (!strcmp(command, "ADD")) add(host, id);
    if (!strcmp(command, "DEL")) del(host, id);
    return 0;
}
