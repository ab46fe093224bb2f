/*
 * The floor of ADD and DEL of the layout `routed`, dual stack. Environment, besides that of floor.h: FLOOR_NET ("10.x.")
 * and FLOOR_NET6 ("fd00:x::").
 */
#include "floor-requests.h"

#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

enum {
    FORWARDING = 1,
    PROXY_ARP = 3,
    SEND_REDIRECTS = 6,
    RP_FILTER = 8,
    POD_GROUPS = 0x63000000,
    PROTOCOL = 202,
    NODAD_NOPREFIXROUTE = IFA_F_NODAD | IFA_F_NOPREFIXROUTE,
};

static const unsigned char HOST_MAC[6] = {0x02, 0x63, 0x6e, 0x69, 0x6b, 0x69};

static void add_neighbour(int index, struct ip ip, const unsigned char *mac, int state) {
    struct ndmsg head = {.ndm_family = ip.family, .ndm_ifindex = index, .ndm_state = state};
    begin(RTM_NEWNEIGH, SET);
    put(&head, sizeof head);
    attribute(NDA_DST, ip.bytes, ip.size);
    attribute(NDA_LLADDR, mac, 6);
    end_message();
}

/* Destination and gateway are left out if null. */
static void add_route(int index, int family, const struct ip *to, const struct ip *gateway, int protocol, int flags) {
    struct rtmsg head = {.rtm_family = family, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = protocol, .rtm_type = RTN_UNICAST};
    head.rtm_dst_len = to ? 8 * to->size : 0;
    head.rtm_scope = to && family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    begin(RTM_NEWROUTE, NEW | flags);
    put(&head, sizeof head);
    if (to) attribute(RTA_DST, to->bytes, to->size);
    if (gateway) attribute(RTA_GATEWAY, gateway->bytes, gateway->size);
    number(RTA_OIF, index);
    end_message();
}

static void reach(int node, int index, const struct ip *ips, const unsigned char *mac) {
    static const int settings[] = {FORWARDING, 1, PROXY_ARP, 1, SEND_REDIRECTS, 0, RP_FILTER, 1};
    set_families(index, settings, 8);
    bring_up(index);
    add_address(index, link_local(HOST_MAC), 64, IFA_F_NODAD, SET);
    for (int i = 0; i < 2; i++) {
        add_neighbour(index, ips[i], mac, NUD_REACHABLE);
        add_route(index, ips[i].family, &ips[i], NULL, PROTOCOL, i == 1 ? NLM_F_ACK : 0);
    }
    talk(node, "host end");
}

/* A bridge of earlier pods, which is usually missing. */
static void look_for_bridge(int node) {
    struct ifreq about = {.ifr_name = "cnikit0"};
    ioctl(node, SIOCGIFINDEX, &about);
}

/* Accepts that the guard is missing. */
static void look_at_guard(void) {
    struct nfgenmsg head = {.nfgen_family = 1, .version = NFNETLINK_V0};
    int nft = open_netlink(-1, NETLINK_NETFILTER);
    begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, 0);
    put(&head, sizeof head);
    text(NFTA_CHAIN_TABLE, "cnikit_guard");
    text(NFTA_CHAIN_NAME, "prerouting");
    end_message();
    if (send(nft, request, length, 0) < 0 || recv(nft, answer, sizeof answer, MSG_TRUNC | MSG_DONTWAIT) < 0) die("guard");
    length = 0;
    /* It stays open, as cnikit's does. */
}

static void configure(int pod, int index, const struct ip *ips, const unsigned char *mac) {
    static const int settings[] = {ARP_NOTIFY, 1};
    const struct ip gateways[] = {parsed("169.254.1.1"), link_local(HOST_MAC)};
    set_families(index, settings, 2);
    add_address(index, link_local(mac), 64, IFA_F_NODAD, SET);
    add_address(index, ips[0], 20, IFA_F_NOPREFIXROUTE, NEW);
    add_address(index, ips[1], 64, NODAD_NOPREFIXROUTE, NEW);
    bring_up(index);
    add_neighbour(index, gateways[0], HOST_MAC, NUD_PERMANENT);
    add_neighbour(index, gateways[1], HOST_MAC, NUD_PERMANENT);
    add_route(index, AF_INET, &gateways[0], NULL, RTPROT_BOOT, 0);
    add_route(index, AF_INET, NULL, &gateways[0], RTPROT_BOOT, 0);
    add_route(index, AF_INET6, NULL, &gateways[1], RTPROT_BOOT, NLM_F_ACK);
    talk(pod, "pod");
}

static void add(const char *host, const char *id) {
    const char *netns = getenv("CNI_NETNS"), *nets[] = {getenv("FLOOR_NET"), getenv("FLOOR_NET6")};
    unsigned char macs[2][6], *mac = macs[1];
    char addresses[2][ADDRESS], sysctls[PATHS];
    compare_netns(netns);
    int ns = open_netns(netns), pod = open_netlink(ns, NETLINK_ROUTE), node = open_netlink(-1, NETLINK_ROUTE);
    random_macs(macs);
    make_pair(node, (struct host_end){host, HOST_MAC, .group = POD_GROUPS}, ns, mac);
    snprintf(sysctls, sizeof sysctls, "/proc/sys/net/ipv6/conf/%s", host);
    write_in(sysctls, "accept_ra", 0, "0");
    int index = index_of(pod, "eth0");
    reserve(getenv("FLOOR_DIR"), id, nets, 2, addresses);
    const struct ip ips[] = {parsed(addresses[0]), parsed(addresses[1])};
    read_in("/proc/sys/net/ipv4", "ip_forward", answer, 16);
    read_in("/proc/sys/net/ipv6/conf/all", "forwarding", answer, 16);
    reach(node, index_of(node, host), ips, mac);
    look_for_bridge(node);
    look_at_guard();
    configure(pod, index, ips, mac);
    close(node);
    close(pod);
    close(ns);
    write_result();
}
