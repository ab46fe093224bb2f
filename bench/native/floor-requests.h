/* Requests for the links and addresses of a pod, which the floors share. */
#include "floor.h"

enum {
    /* Settings of IPv4 and IPv6 of a link. */
    ARP_NOTIFY = 22,
    ADDR_GEN_MODE = 8,
    /* Modes of a request. */
    NEW = NLM_F_CREATE | NLM_F_EXCL,
    SET = NLM_F_CREATE | NLM_F_REPLACE,
};

/* An address of either family. */
struct ip {
    int family;
    size_t size;
    unsigned char bytes[16];
};

static struct ip parsed(const char *text) {
    struct ip ip = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    ip.size = ip.family == AF_INET6 ? 16 : 4;
    if (inet_pton(ip.family, text, ip.bytes) != 1) die(text);
    return ip;
}

/* The address that the kernel derives from a MAC address. */
static struct ip link_local(const unsigned char *mac) {
    struct ip ip = {AF_INET6, 16, {0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]}};
    return ip;
}

static unsigned broadcast_of(struct ip ip, int length) {
    unsigned address;
    memcpy(&address, ip.bytes, sizeof address);
    return address | htonl(0xffffffff >> length);
}

/* An address of an IPv4 network gets its broadcast address. */
static void add_address(int index, struct ip ip, int length, unsigned flags, int mode) {
    struct ifaddrmsg head = {.ifa_family = ip.family, .ifa_prefixlen = length, .ifa_index = index, .ifa_flags = flags & 0xff};
    begin(RTM_NEWADDR, mode);
    put(&head, sizeof head);
    attribute(IFA_LOCAL, ip.bytes, ip.size);
    if (ip.family == AF_INET && length < 31) number(IFA_BROADCAST, broadcast_of(ip, length));
    attribute(IFA_ADDRESS, ip.bytes, ip.size);
    if (flags > 0xff) number(IFA_FLAGS, flags);
    end_message();
}

/* Settings of IPv4 in pairs of number and value, and how IPv6 makes the link-local address. */
static void set_families(int index, const int *settings, int count) {
    unsigned char eui64 = 0;
    begin(RTM_NEWLINK, 0);
    link_header(index, 0);
    size_t spec = nest(IFLA_AF_SPEC), inet = nest(AF_INET), conf = nest(IFLA_INET_CONF);
    for (int i = 0; i < count; i += 2) number(settings[i], settings[i + 1]);
    end(conf);
    end(inet);
    size_t inet6 = nest(AF_INET6);
    attribute(ADDR_GEN_MODE, &eui64, 1);
    end(inet6);
    end(spec);
    end_message();
}

static void bring_up(int index) {
    begin(RTM_NEWLINK, 0);
    link_header(index, IFF_UP);
    end_message();
}
