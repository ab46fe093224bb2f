import type { UnknownAttribute } from '../codec/reader.ts';
import type { Table, Values } from '../codec/table.ts';

export const RTA_DST = 1;
export const RTA_SRC = 2;
export const RTA_IIF = 3;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PRIORITY = 6;
export const RTA_PREFSRC = 7;
export const RTA_METRICS = 8;
export const RTA_MULTIPATH = 9;
export const RTA_FLOW = 11;
export const RTA_CACHEINFO = 12;
export const RTA_TABLE = 15;
export const RTA_MARK = 16;
export const RTA_VIA = 18;
export const RTA_PREF = 20;
export const RTA_ENCAP_TYPE = 21;
export const RTA_ENCAP = 22;
export const RTA_EXPIRES = 23;
export const RTA_NH_ID = 30;
/** sizeof(struct rtmsg), sizeof(struct rtnexthop). */
export const RTMSG_SIZE = 12;
export const RTNEXTHOP_SIZE = 8;

/** Names of attributes without a field, for errors. */
export const routeAttributeNames: Readonly<Record<number, string>> = {
  [RTA_FLOW]: 'RTA_FLOW (realms)',
  [RTA_MARK]: 'RTA_MARK',
  [RTA_ENCAP_TYPE]: 'RTA_ENCAP_TYPE',
  [RTA_ENCAP]: 'RTA_ENCAP',
  26: 'RTA_TTL_PROPAGATE',
};

/** RTAX_*. Sizes in bytes, windows in segments, times in milliseconds shifted as the kernel keeps them. */
export const metricsTable = {
  /** Bit n: the kernel may not change metric n. */
  lock: [1, 'u32', 'RTAX_LOCK'],
  mtu: [2, 'u32', 'RTAX_MTU'],
  window: [3, 'u32', 'RTAX_WINDOW'],
  rtt: [4, 'u32', 'RTAX_RTT'],
  rttVar: [5, 'u32', 'RTAX_RTTVAR'],
  ssthresh: [6, 'u32', 'RTAX_SSTHRESH'],
  cwnd: [7, 'u32', 'RTAX_CWND'],
  advmss: [8, 'u32', 'RTAX_ADVMSS'],
  reordering: [9, 'u32', 'RTAX_REORDERING'],
  hopLimit: [10, 'u32', 'RTAX_HOPLIMIT'],
  initCwnd: [11, 'u32', 'RTAX_INITCWND'],
  features: [12, 'u32', 'RTAX_FEATURES'],
  rtoMin: [13, 'u32', 'RTAX_RTO_MIN'],
  initRwnd: [14, 'u32', 'RTAX_INITRWND'],
  quickAck: [15, 'u32', 'RTAX_QUICKACK'],
  congestionControl: [16, 'string', 'RTAX_CC_ALGO'],
  fastOpenNoCookie: [17, 'u32', 'RTAX_FASTOPEN_NO_COOKIE'],
} as const satisfies Table;

/** RTA_METRICS of a route. */
export type RouteMetrics = Values<typeof metricsTable>;

/** A next hop of a multipath route. */
export interface NextHop {
  /** Gateway, of the route's family or (IPv6 under IPv4, RFC 5549) the other. */
  via?: string;
  /** Index of the link. */
  oif?: number;
  /** 1 (the default) to 256. */
  weight?: number;
  /** The gateway is on-link, even without a route to it. */
  onlink?: boolean;
  /** RTNH_F_*, read only (dead, link down). */
  flags?: number;
  unknown?: UnknownAttribute[];
}
