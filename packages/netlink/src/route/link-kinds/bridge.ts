import type { Table, Values } from '../../codec/table.ts';
import { bridgePortTable } from './bridge-port.ts';
import type { LinkKindCodec } from './kind.ts';
import { podBridgeTable } from './pod-bridge.ts';
import { vlanProtocols } from './vlan-protocols.ts';

/** IFLA_BR_*. Times are in hundredths of a second (USER_HZ), intervals of multicast too. */
const bridgeTable = {
  ...podBridgeTable,
  forwardDelay: [1, 'u32', 'IFLA_BR_FORWARD_DELAY'],
  helloTime: [2, 'u32', 'IFLA_BR_HELLO_TIME'],
  maxAge: [3, 'u32', 'IFLA_BR_MAX_AGE'],
  ageingTime: [4, 'u32', 'IFLA_BR_AGEING_TIME'],
  /** 0 off, 1 in the kernel, 2 in user space. */
  stpState: [5, 'u32', 'IFLA_BR_STP_STATE'],
  priority: [6, 'u16', 'IFLA_BR_PRIORITY'],
  /** @default '802.1q' */
  vlanProtocol: [8, 'be16', 'IFLA_BR_VLAN_PROTOCOL', vlanProtocols],
  /** Bit n: forward frames to 01:80:c2:00:00:0n. */
  groupFwdMask: [9, 'u16', 'IFLA_BR_GROUP_FWD_MASK'],
  /** Read only: 2 bytes priority, 6 bytes MAC. */
  rootId: [10, 'raw', 'IFLA_BR_ROOT_ID'],
  bridgeId: [11, 'raw', 'IFLA_BR_BRIDGE_ID'],
  rootPort: [12, 'u16', 'IFLA_BR_ROOT_PORT'],
  rootPathCost: [13, 'u32', 'IFLA_BR_ROOT_PATH_COST'],
  topologyChange: [14, 'bool', 'IFLA_BR_TOPOLOGY_CHANGE'],
  topologyChangeDetected: [15, 'bool', 'IFLA_BR_TOPOLOGY_CHANGE_DETECTED'],
  helloTimer: [16, 'u64', 'IFLA_BR_HELLO_TIMER'],
  tcnTimer: [17, 'u64', 'IFLA_BR_TCN_TIMER'],
  topologyChangeTimer: [18, 'u64', 'IFLA_BR_TOPOLOGY_CHANGE_TIMER'],
  gcTimer: [19, 'u64', 'IFLA_BR_GC_TIMER'],
  groupAddress: [20, 'mac', 'IFLA_BR_GROUP_ADDR'],
  fdbFlush: [21, 'flag', 'IFLA_BR_FDB_FLUSH'],
  mcastRouter: [22, 'u8', 'IFLA_BR_MCAST_ROUTER'],
  mcastSnooping: [23, 'bool', 'IFLA_BR_MCAST_SNOOPING'],
  mcastQueryUseIfaddr: [24, 'bool', 'IFLA_BR_MCAST_QUERY_USE_IFADDR'],
  mcastQuerier: [25, 'bool', 'IFLA_BR_MCAST_QUERIER'],
  mcastHashElasticity: [26, 'u32', 'IFLA_BR_MCAST_HASH_ELASTICITY'],
  mcastHashMax: [27, 'u32', 'IFLA_BR_MCAST_HASH_MAX'],
  mcastLastMemberCount: [28, 'u32', 'IFLA_BR_MCAST_LAST_MEMBER_CNT'],
  mcastStartupQueryCount: [29, 'u32', 'IFLA_BR_MCAST_STARTUP_QUERY_CNT'],
  mcastLastMemberInterval: [30, 'u64', 'IFLA_BR_MCAST_LAST_MEMBER_INTVL'],
  mcastMembershipInterval: [31, 'u64', 'IFLA_BR_MCAST_MEMBERSHIP_INTVL'],
  mcastQuerierInterval: [32, 'u64', 'IFLA_BR_MCAST_QUERIER_INTVL'],
  mcastQueryInterval: [33, 'u64', 'IFLA_BR_MCAST_QUERY_INTVL'],
  mcastQueryResponseInterval: [34, 'u64', 'IFLA_BR_MCAST_QUERY_RESPONSE_INTVL'],
  mcastStartupQueryInterval: [35, 'u64', 'IFLA_BR_MCAST_STARTUP_QUERY_INTVL'],
  nfCallIptables: [36, 'bool', 'IFLA_BR_NF_CALL_IPTABLES'],
  nfCallIp6tables: [37, 'bool', 'IFLA_BR_NF_CALL_IP6TABLES'],
  nfCallArptables: [38, 'bool', 'IFLA_BR_NF_CALL_ARPTABLES'],
  vlanStatsEnabled: [41, 'bool', 'IFLA_BR_VLAN_STATS_ENABLED'],
  mcastStatsEnabled: [42, 'bool', 'IFLA_BR_MCAST_STATS_ENABLED'],
  mcastIgmpVersion: [43, 'u8', 'IFLA_BR_MCAST_IGMP_VERSION'],
  mcastMldVersion: [44, 'u8', 'IFLA_BR_MCAST_MLD_VERSION'],
  vlanStatsPerPort: [45, 'bool', 'IFLA_BR_VLAN_STATS_PER_PORT'],
  /** struct br_boolopt_multi: values and mask of BR_BOOLOPT_*. */
  options: [46, 'raw', 'IFLA_BR_MULTI_BOOLOPT'],
  /** Read only. */
  fdbLearned: [48, 'u32', 'IFLA_BR_FDB_N_LEARNED'],
  /** 0: no limit (Linux 6.7). */
  fdbMaxLearned: [49, 'u32', 'IFLA_BR_FDB_MAX_LEARNED'],
} as const satisfies Table;

/** A bridge's own settings. */
export type BridgeAttributes = Values<typeof bridgeTable>;

export const bridge: LinkKindCodec = { table: bridgeTable, port: bridgePortTable };
