import type { Table, Values } from '../../codec/table.ts';
import type { LinkKindCodec } from './kind.ts';

const types = { 1: 'tun', 2: 'tap' } as const;

const tunTable = {
  owner: [1, 'u32', 'IFLA_TUN_OWNER'],
  ownerGroup: [2, 'u32', 'IFLA_TUN_GROUP'],
  tunType: [3, 'u8', 'IFLA_TUN_TYPE', types],
  packetInformation: [4, 'bool', 'IFLA_TUN_PI'],
  vnetHeader: [5, 'bool', 'IFLA_TUN_VNET_HDR'],
  persist: [6, 'bool', 'IFLA_TUN_PERSIST'],
  multiQueue: [7, 'bool', 'IFLA_TUN_MULTI_QUEUE'],
  queues: [8, 'u32', 'IFLA_TUN_NUM_QUEUES'],
  disabledQueues: [9, 'u32', 'IFLA_TUN_NUM_DISABLED_QUEUES'],
} as const satisfies Table;

/** Read only: the kernel makes tun links through /dev/net/tun, not by netlink (EOPNOTSUPP). */
export type TunAttributes = Values<typeof tunTable>;

export const tun: LinkKindCodec = { table: tunTable };
