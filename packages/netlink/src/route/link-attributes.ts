import type { Table, Values } from '../codec/table.ts';
import { linkModes, operStates } from './names.ts';

/** Settable IFLA_* attributes of one value each. */
export const linkTable = {
  /** Bytes. */
  mtu: [4, 'u32', 'IFLA_MTU'],
  mac: [1, 'mac', 'IFLA_ADDRESS'],
  broadcast: [2, 'mac', 'IFLA_BROADCAST'],
  /** Index of the bridge, VRF or bond of the link; 0 releases the link. */
  master: [10, 'u32', 'IFLA_MASTER'],
  /** Index of the lower link (vlan, macvlan, tunnels) or of the peer (veth). */
  link: [5, 'u32', 'IFLA_LINK'],
  /** ID of the namespace of `link`, when it is another one. */
  linkNetnsId: [37, 's32', 'IFLA_LINK_NETNSID'],
  /** Packets. */
  txQueueLength: [13, 'u32', 'IFLA_TXQLEN'],
  txQueues: [31, 'u32', 'IFLA_NUM_TX_QUEUES'],
  rxQueues: [32, 'u32', 'IFLA_NUM_RX_QUEUES'],
  group: [27, 'u32', 'IFLA_GROUP'],
  /** Free text. */
  alias: [20, 'string', 'IFLA_IFALIAS'],
  carrier: [33, 'bool', 'IFLA_CARRIER'],
  protoDown: [39, 'bool', 'IFLA_PROTO_DOWN'],
  gsoMaxSize: [41, 'u32', 'IFLA_GSO_MAX_SIZE'],
  gsoMaxSegments: [40, 'u32', 'IFLA_GSO_MAX_SEGS'],
  groMaxSize: [58, 'u32', 'IFLA_GRO_MAX_SIZE'],
  gsoIpv4MaxSize: [63, 'u32', 'IFLA_GSO_IPV4_MAX_SIZE'],
  groIpv4MaxSize: [64, 'u32', 'IFLA_GRO_IPV4_MAX_SIZE'],
  /** Descriptor of the network namespace to create the link in or move it to. */
  netns: [28, 'u32', 'IFLA_NET_NS_FD'],
} as const satisfies Table;

/** Read-only IFLA_* attributes. */
export const linkStateTable = {
  operState: [16, 'u8', 'IFLA_OPERSTATE', operStates],
  linkMode: [17, 'u8', 'IFLA_LINKMODE', linkModes],
  qdisc: [6, 'string', 'IFLA_QDISC'],
  /** Number of users of promiscuous mode. */
  promiscuity: [30, 'u32', 'IFLA_PROMISCUITY'],
  /** Number of users of all-multicast mode. */
  allMulticastUsers: [61, 'u32', 'IFLA_ALLMULTI'],
  carrierChanges: [35, 'u32', 'IFLA_CARRIER_CHANGES'],
  carrierUpCount: [47, 'u32', 'IFLA_CARRIER_UP_COUNT'],
  carrierDownCount: [48, 'u32', 'IFLA_CARRIER_DOWN_COUNT'],
  minMtu: [50, 'u32', 'IFLA_MIN_MTU'],
  maxMtu: [51, 'u32', 'IFLA_MAX_MTU'],
  permanentMac: [54, 'mac', 'IFLA_PERM_ADDRESS'],
  tsoMaxSize: [59, 'u32', 'IFLA_TSO_MAX_SIZE'],
  tsoMaxSegments: [60, 'u32', 'IFLA_TSO_MAX_SEGS'],
  parentDevice: [56, 'string', 'IFLA_PARENT_DEV_NAME'],
  parentBus: [57, 'string', 'IFLA_PARENT_DEV_BUS_NAME'],
  /** In an event: the new namespace of the link. */
  newNetnsId: [45, 's32', 'IFLA_NEW_NETNSID'],
  newIndex: [49, 's32', 'IFLA_NEW_IFINDEX'],
} as const satisfies Table;

export type LinkSettings = Values<typeof linkTable>;
export type LinkState = Values<typeof linkStateTable>;

export const IFLA_IFNAME = 3;
export const IFLA_LINKINFO = 18;
export const IFLA_STATS64 = 23;
export const IFLA_AF_SPEC = 26;
export const IFLA_PROP_LIST = 52;
export const IFLA_ALT_IFNAME = 53;
/** Size of an alternative name with its NUL (linux/if.h). */
export const ALTIFNAMSIZ = 128;
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
export const IFLA_INFO_SLAVE_KIND = 4;
export const IFLA_INFO_SLAVE_DATA = 5;
export const IFLA_INET6_ADDR_GEN_MODE = 8;
/** enum in include/uapi/linux/if_link.h: settings of IPv4, each an attribute with an IPV4_DEVCONF_* as its type. */
export const IFLA_INET_CONF = 1;

/** Sysctls below net.ipv4.conf.LINK, which need CAP_NET_ADMIN only when they are set by netlink. */
export interface Ipv4Conf {
  forwarding?: number;
  /** 1: answers ARP for addresses that are routed by another link. */
  proxyArp?: number;
  sendRedirects?: number;
  /** 0 off, 1 strict, 2 loose. */
  rpFilter?: number;
  /** 1: announces the addresses of a link that comes up or gets another MAC address. */
  arpNotify?: number;
  /** Routes packets from and to 127.0.0.0/8, for port maps. */
  routeLocalnet?: number;
}

/** IPV4_DEVCONF_* of include/uapi/linux/ip.h, the sysctls below net.ipv4.conf.LINK. */
export const ipv4ConfTable = {
  forwarding: [1, 'u32', 'IPV4_DEVCONF_FORWARDING'],
  proxyArp: [3, 'u32', 'IPV4_DEVCONF_PROXY_ARP'],
  sendRedirects: [6, 'u32', 'IPV4_DEVCONF_SEND_REDIRECTS'],
  rpFilter: [8, 'u32', 'IPV4_DEVCONF_RP_FILTER'],
  arpNotify: [22, 'u32', 'IPV4_DEVCONF_ARP_NOTIFY'],
  routeLocalnet: [26, 'u32', 'IPV4_DEVCONF_ROUTE_LOCALNET'],
} as const;
/** sizeof(struct ifinfomsg). */
export const IFINFOMSG_SIZE = 16;
/** Maximum size of a link's name with the NUL. */
export const IFNAMSIZ = 16;
