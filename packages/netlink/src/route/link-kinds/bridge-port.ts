import type { Table, Values } from '../../codec/table.ts';
import { podPortTable } from './pod-bridge.ts';

/** BR_STATE_*. */
const portStates = { 0: 'disabled', 1: 'listening', 2: 'learning', 3: 'forwarding', 4: 'blocking' } as const;

/** IFLA_BRPORT_*: settings of a link as a port of a bridge, in IFLA_INFO_SLAVE_DATA. */
export const bridgePortTable = {
  ...podPortTable,
  portState: [1, 'u8', 'IFLA_BRPORT_STATE', portStates],
  portPriority: [2, 'u16', 'IFLA_BRPORT_PRIORITY'],
  portCost: [3, 'u32', 'IFLA_BRPORT_COST'],
  bpduGuard: [5, 'bool', 'IFLA_BRPORT_GUARD'],
  rootBlock: [6, 'bool', 'IFLA_BRPORT_PROTECT'],
  fastLeave: [7, 'bool', 'IFLA_BRPORT_FAST_LEAVE'],
  learning: [8, 'bool', 'IFLA_BRPORT_LEARNING'],
  flood: [9, 'bool', 'IFLA_BRPORT_UNICAST_FLOOD'],
  proxyArp: [10, 'bool', 'IFLA_BRPORT_PROXYARP'],
  learningSync: [11, 'bool', 'IFLA_BRPORT_LEARNING_SYNC'],
  proxyArpWifi: [12, 'bool', 'IFLA_BRPORT_PROXYARP_WIFI'],
  /** Read only, down to `holdTimer`. */
  portRootId: [13, 'raw', 'IFLA_BRPORT_ROOT_ID'],
  portBridgeId: [14, 'raw', 'IFLA_BRPORT_BRIDGE_ID'],
  designatedPort: [15, 'u16', 'IFLA_BRPORT_DESIGNATED_PORT'],
  designatedCost: [16, 'u16', 'IFLA_BRPORT_DESIGNATED_COST'],
  portId: [17, 'u16', 'IFLA_BRPORT_ID'],
  portNumber: [18, 'u16', 'IFLA_BRPORT_NO'],
  topologyChangeAck: [19, 'bool', 'IFLA_BRPORT_TOPOLOGY_CHANGE_ACK'],
  configPending: [20, 'bool', 'IFLA_BRPORT_CONFIG_PENDING'],
  messageAgeTimer: [21, 'u64', 'IFLA_BRPORT_MESSAGE_AGE_TIMER'],
  forwardDelayTimer: [22, 'u64', 'IFLA_BRPORT_FORWARD_DELAY_TIMER'],
  holdTimer: [23, 'u64', 'IFLA_BRPORT_HOLD_TIMER'],
  flush: [24, 'flag', 'IFLA_BRPORT_FLUSH'],
  multicastRouter: [25, 'u8', 'IFLA_BRPORT_MULTICAST_ROUTER'],
  mcastFlood: [27, 'bool', 'IFLA_BRPORT_MCAST_FLOOD'],
  mcastToUnicast: [28, 'bool', 'IFLA_BRPORT_MCAST_TO_UCAST'],
  vlanTunnel: [29, 'bool', 'IFLA_BRPORT_VLAN_TUNNEL'],
  bcastFlood: [30, 'bool', 'IFLA_BRPORT_BCAST_FLOOD'],
  portGroupFwdMask: [31, 'u16', 'IFLA_BRPORT_GROUP_FWD_MASK'],
  neighSuppress: [32, 'bool', 'IFLA_BRPORT_NEIGH_SUPPRESS'],
  backupPort: [34, 'u32', 'IFLA_BRPORT_BACKUP_PORT'],
  mrpRingOpen: [35, 'bool', 'IFLA_BRPORT_MRP_RING_OPEN'],
  mrpInOpen: [36, 'bool', 'IFLA_BRPORT_MRP_IN_OPEN'],
  mcastEhtHostsLimit: [37, 'u32', 'IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT'],
  mcastEhtHostsCount: [38, 'u32', 'IFLA_BRPORT_MCAST_EHT_HOSTS_CNT'],
  locked: [39, 'bool', 'IFLA_BRPORT_LOCKED'],
  mab: [40, 'bool', 'IFLA_BRPORT_MAB'],
  mcastGroups: [41, 'u32', 'IFLA_BRPORT_MCAST_N_GROUPS'],
  mcastMaxGroups: [42, 'u32', 'IFLA_BRPORT_MCAST_MAX_GROUPS'],
  neighVlanSuppress: [43, 'bool', 'IFLA_BRPORT_NEIGH_VLAN_SUPPRESS'],
} as const satisfies Table;

/** Settings of a bridge port. */
export type BridgePortAttributes = Values<typeof bridgePortTable>;
