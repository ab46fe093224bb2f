/** Tunnels of IP packets and Ethernet frames (linux/if_tunnel.h). */
import type { Table, Values } from '../../codec/table.ts';
import type { LinkKindCodec } from './kind.ts';

/** TUNNEL_ENCAP_*. */
const encapTypes = { 0: 'none', 1: 'fou', 2: 'gue', 3: 'mpls' } as const;

const greTable = {
  /** Index of the egress link of outer packets. */
  link: [1, 'u32', 'IFLA_GRE_LINK'],
  /** GRE_*: 0x8000 checksum, 0x2000 key, 0x1000 sequence numbers. */
  inputFlags: [2, 'be16', 'IFLA_GRE_IFLAGS'],
  outputFlags: [3, 'be16', 'IFLA_GRE_OFLAGS'],
  /** Sent only with the flag 0x2000. */
  inputKey: [4, 'be32', 'IFLA_GRE_IKEY'],
  outputKey: [5, 'be32', 'IFLA_GRE_OKEY'],
  local: [6, 'ip', 'IFLA_GRE_LOCAL'],
  remote: [7, 'ip', 'IFLA_GRE_REMOTE'],
  /** 0: copy that of the inner packet. */
  ttl: [8, 'u8', 'IFLA_GRE_TTL'],
  /** 1: copy that of the inner packet. */
  tos: [9, 'u8', 'IFLA_GRE_TOS'],
  pathMtuDiscovery: [10, 'bool', 'IFLA_GRE_PMTUDISC'],
  encapLimit: [11, 'u8', 'IFLA_GRE_ENCAP_LIMIT'],
  flowInfo: [12, 'be32', 'IFLA_GRE_FLOWINFO'],
  /** IP6_TNL_F_* of IPv6 tunnels. */
  tunnelFlags: [13, 'u32', 'IFLA_GRE_FLAGS'],
  encapType: [14, 'u16', 'IFLA_GRE_ENCAP_TYPE', encapTypes],
  encapFlags: [15, 'u16', 'IFLA_GRE_ENCAP_FLAGS'],
  encapSourcePort: [16, 'be16', 'IFLA_GRE_ENCAP_SPORT'],
  encapDestinationPort: [17, 'be16', 'IFLA_GRE_ENCAP_DPORT'],
  collectMetadata: [18, 'flag', 'IFLA_GRE_COLLECT_METADATA'],
  ignoreDf: [19, 'bool', 'IFLA_GRE_IGNORE_DF'],
  fwmark: [20, 'u32', 'IFLA_GRE_FWMARK'],
  erspanIndex: [21, 'u32', 'IFLA_GRE_ERSPAN_INDEX'],
  erspanVersion: [22, 'u8', 'IFLA_GRE_ERSPAN_VER'],
  erspanDirection: [23, 'u8', 'IFLA_GRE_ERSPAN_DIR'],
  erspanHardwareId: [24, 'u16', 'IFLA_GRE_ERSPAN_HWID'],
} as const satisfies Table;

/** A GRE tunnel: gre, gretap, ip6gre, ip6gretap, erspan, ip6erspan. */
export type GreAttributes = Values<typeof greTable>;

export const gre: LinkKindCodec = { table: greTable };

const ipTunnelTable = {
  /** Index of the egress link of outer packets. */
  link: [1, 'u32', 'IFLA_IPTUN_LINK'],
  local: [2, 'ip', 'IFLA_IPTUN_LOCAL'],
  remote: [3, 'ip', 'IFLA_IPTUN_REMOTE'],
  /** 0: copy that of the inner packet. */
  ttl: [4, 'u8', 'IFLA_IPTUN_TTL'],
  /** 1: copy that of the inner packet. */
  tos: [5, 'u8', 'IFLA_IPTUN_TOS'],
  encapLimit: [6, 'u8', 'IFLA_IPTUN_ENCAP_LIMIT'],
  flowInfo: [7, 'be32', 'IFLA_IPTUN_FLOWINFO'],
  /** IP6_TNL_F_*. */
  tunnelFlags: [8, 'u32', 'IFLA_IPTUN_FLAGS'],
  /** IPPROTO_* of inner packets: 4 IPv4, 41 IPv6, 0 both. */
  protocol: [9, 'u8', 'IFLA_IPTUN_PROTO'],
  pathMtuDiscovery: [10, 'bool', 'IFLA_IPTUN_PMTUDISC'],
  encapType: [15, 'u16', 'IFLA_IPTUN_ENCAP_TYPE', encapTypes],
  encapFlags: [16, 'u16', 'IFLA_IPTUN_ENCAP_FLAGS'],
  encapSourcePort: [17, 'be16', 'IFLA_IPTUN_ENCAP_SPORT'],
  encapDestinationPort: [18, 'be16', 'IFLA_IPTUN_ENCAP_DPORT'],
  collectMetadata: [19, 'flag', 'IFLA_IPTUN_COLLECT_METADATA'],
  fwmark: [20, 'u32', 'IFLA_IPTUN_FWMARK'],
} as const satisfies Table;

/** A tunnel of IP in IP: ipip, ip6tnl. */
export type IpTunnelAttributes = Values<typeof ipTunnelTable>;

export const ipTunnel: LinkKindCodec = { table: ipTunnelTable };

const sitTable = {
  ...ipTunnelTable,
  /** SIT_*: 1 ISATAP. */
  tunnelFlags: [8, 'u16', 'IFLA_IPTUN_FLAGS'],
  sixrdPrefix: [11, 'ipv6', 'IFLA_IPTUN_6RD_PREFIX'],
  sixrdRelayPrefix: [12, 'ipv4', 'IFLA_IPTUN_6RD_RELAY_PREFIX'],
  sixrdPrefixLength: [13, 'u16', 'IFLA_IPTUN_6RD_PREFIXLEN'],
  sixrdRelayPrefixLength: [14, 'u16', 'IFLA_IPTUN_6RD_RELAY_PREFIXLEN'],
} as const satisfies Table;

/** A tunnel of IPv6 in IPv4. */
export type SitAttributes = Values<typeof sitTable>;

export const sit: LinkKindCodec = { table: sitTable };
