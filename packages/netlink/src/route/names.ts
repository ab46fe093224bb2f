/** Names of rtnetlink's numbers, as `ip` prints them (the files of /etc/iproute2, and linux/rtnetlink.h). */
import type { Named } from '../codec/names.ts';

/** RTPROT_*: origins of routes, rules, neighbours and next hop objects. */
export const protocols = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  18: 'keepalived',
  42: 'babel',
  99: 'openr',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
} as const;
/** Origin of a route: a name such as `kernel` or `bird`, or a number. */
export type RouteProtocol = Named<typeof protocols>;

/** RT_SCOPE_*. The kernel calls 0 "universe". */
export const scopes = { 0: 'global', 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere' } as const;
/** Scope of a route or address, or its number. */
export type Scope = Named<typeof scopes>;

/** RT_TABLE_*. */
export const tables = { 253: 'default', 254: 'main', 255: 'local' } as const;
/** Routing table: `main`, `local`, `default` or a number. */
export type RoutingTable = Named<typeof tables>;

/** RTN_*. */
export const routeTypes = {
  1: 'unicast',
  2: 'local',
  3: 'broadcast',
  4: 'anycast',
  5: 'multicast',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
  9: 'throw',
} as const;
/** Type of a route, or its number. */
export type RouteType = Named<typeof routeTypes>;

/** ICMPV6_ROUTER_PREF_*. */
export const preferences = { 0: 'medium', 1: 'high', 3: 'low' } as const;
/** Preference of an IPv6 router, or its number. */
export type RoutePreference = Named<typeof preferences>;

/** FR_ACT_*. */
export const ruleActions = {
  1: 'lookup',
  2: 'goto',
  3: 'nop',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
} as const;
/** Action of a policy routing rule, or its number. */
export type RuleAction = Named<typeof ruleActions>;

/** IFAPROT_*: origins of addresses. */
export const addressProtocols = { 0: 'unspec', 1: 'kernel_lo', 2: 'kernel_ra', 3: 'kernel_ll' } as const;
/** Origin of an address, or its number. */
export type AddressProtocol = Named<typeof addressProtocols>;

/** IF_OPER_*. */
export const operStates = {
  0: 'unknown',
  1: 'notpresent',
  2: 'down',
  3: 'lowerlayerdown',
  4: 'testing',
  5: 'dormant',
  6: 'up',
} as const;
/** Operational state of a link (RFC 2863), or its number. */
export type OperState = Named<typeof operStates>;

/** IF_LINK_MODE_*. */
export const linkModes = { 0: 'default', 1: 'dormant', 2: 'testing' } as const;

/** IN6_ADDR_GEN_MODE_*: how the kernel makes IPv6 link-local addresses. */
export const addrGenModes = { 0: 'eui64', 1: 'none', 2: 'stable_secret', 3: 'random' } as const;
/** Method of the kernel for IPv6 link-local addresses, or its number. */
export type AddrGenMode = Named<typeof addrGenModes>;

/** NEXTHOP_GRP_TYPE_*. */
export const groupTypes = { 0: 'mpath', 1: 'resilient' } as const;
