import type { Table, Values } from '../../codec/table.ts';
import type { LinkKindCodec } from './kind.ts';

/** MACVLAN_MODE_*. */
const modes = { 1: 'private', 2: 'vepa', 4: 'bridge', 8: 'passthru', 16: 'source' } as const;

const macvlanTable = {
  mode: [1, 'u32', 'IFLA_MACVLAN_MODE', modes],
  /** 1 nopromisc, 2 nodst. */
  macvlanFlags: [2, 'u16', 'IFLA_MACVLAN_FLAGS'],
  macAddressMode: [3, 'u32', 'IFLA_MACVLAN_MACADDR_MODE'],
  macAddress: [4, 'mac', 'IFLA_MACVLAN_MACADDR'],
  macAddressCount: [6, 'u32', 'IFLA_MACVLAN_MACADDR_COUNT'],
  bcQueueLength: [7, 'u32', 'IFLA_MACVLAN_BC_QUEUE_LEN'],
  bcQueueLengthUsed: [8, 'u32', 'IFLA_MACVLAN_BC_QUEUE_LEN_USED'],
  bcCutoff: [9, 's32', 'IFLA_MACVLAN_BC_CUTOFF'],
} as const satisfies Table;

/** A macvlan (or macvtap) on the link `link`. */
export type MacvlanAttributes = Values<typeof macvlanTable>;

export const macvlan: LinkKindCodec = { table: macvlanTable };
