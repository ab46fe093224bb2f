/*
 * The floor of ADD and DEL on a bridge, single stack. Environment, besides that of floor.h: FLOOR_BRIDGE (with
 * 10.x.0.1/16) and FLOOR_NET ("10.x.").
 */
#include "floor-requests.h"

#include <net/if_arp.h>

/* Also what else is looked at of it. */
static int bridge_index(int fd, const char *name) {
    char dir[PATHS];
    snprintf(dir, sizeof dir, "/sys/class/net/%s", name);
    int index = index_of(fd, name);
    ask(fd, SIOCGIFFLAGS, name);
    ask(fd, SIOCGIFHWADDR, name);
    read_in(dir, "bridge/bridge_id", answer, 64);
    read_in(dir, "addr_assign_type", answer, 64);
    snprintf(dir, sizeof dir, "/proc/sys/net/ipv6/conf/%s", name);
    read_in(dir, "accept_ra", answer, 16);
    return index;
}

static void look_at_route(int fd, unsigned address) {
    struct rtmsg route = {.rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_flags = RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH};
    begin(RTM_GETROUTE, 0);
    put(&route, sizeof route);
    number(RTA_DST, address);
    end_message();
    if (send(fd, request, length, 0) < 0 || recv(fd, answer, sizeof answer, MSG_DONTWAIT) < 0) die("RTM_GETROUTE");
    length = 0;
}

static void configure(int pod, int index, const unsigned char *mac, struct ip address, unsigned gateway) {
    static const int settings[] = {ARP_NOTIFY, 1};
    struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST};
    set_families(index, settings, 2);
    add_address(index, link_local(mac), 64, IFA_F_NODAD, SET);
    bring_up(index);
    add_address(index, address, 16, 0, NEW);
    begin(RTM_NEWROUTE, NEW | NLM_F_ACK);
    put(&route, sizeof route);
    number(RTA_GATEWAY, gateway);
    number(RTA_OIF, index);
    end_message();
    talk(pod, "batch");
}

static void announce(int pod, const unsigned char mac[6]) {
    struct ifreq link = {.ifr_name = "eth0", .ifr_hwaddr.sa_family = ARPHRD_ETHER};
    memcpy(link.ifr_hwaddr.sa_data, mac, 6);
    if (ioctl(pod, SIOCSIFHWADDR, &link) < 0) die("announce");
}

static void add(const char *host, const char *id) {
    const char *bridge = getenv("FLOOR_BRIDGE"), *netns = getenv("CNI_NETNS"), *net = getenv("FLOOR_NET");
    unsigned char macs[2][6], *host_mac = macs[0], *mac = macs[1];
    char gateway[32], addresses[1][ADDRESS], sysctls[PATHS];
    compare_netns(netns);
    int ns = open_netns(netns), pod = open_netlink(ns, NETLINK_ROUTE), node = open_netlink(-1, NETLINK_ROUTE);
    struct host_end end = {host, host_mac, .master = bridge_index(node, bridge), .flags = IFF_UP};
    random_macs(macs);
    make_pair(node, end, ns, mac);
    snprintf(sysctls, sizeof sysctls, "/proc/sys/net/ipv6/conf/%s", host);
    write_in(sysctls, "accept_ra", 0, "0");
    int index = index_of(pod, "eth0");
    reserve(getenv("FLOOR_DIR"), id, &net, 1, addresses);
    read_in("/proc/sys/net/ipv4", "ip_forward", answer, 16);
    look_at_route(node, inet_addr(addresses[0]));
    snprintf(gateway, sizeof gateway, "%s0.1", net);
    configure(pod, index, mac, parsed(addresses[0]), inet_addr(gateway));
    ask(node, SIOCGIFFLAGS, host);
    announce(pod, mac);
    close(node);
    close(pod);
    close(ns);
    write_result();
}
