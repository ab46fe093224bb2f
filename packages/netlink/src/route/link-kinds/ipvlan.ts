import type { Table, Values } from '../../codec/table.ts';
import type { LinkKindCodec } from './kind.ts';

/** IPVLAN_MODE_*. */
const modes = { 0: 'l2', 1: 'l3', 2: 'l3s' } as const;

const ipvlanTable = {
  mode: [1, 'u16', 'IFLA_IPVLAN_MODE', modes],
  /** 1 private, 2 vepa; 0 bridge. */
  ipvlanFlags: [2, 'u16', 'IFLA_IPVLAN_FLAGS'],
} as const satisfies Table;

/** An ipvlan on the link `link`. */
export type IpvlanAttributes = Values<typeof ipvlanTable>;

export const ipvlan: LinkKindCodec = { table: ipvlanTable };
