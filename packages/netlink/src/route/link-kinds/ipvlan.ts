import type { Table, Values } from '../../codec/table.ts';
import type { LinkKindCodec } from './kind.ts';

const ipvlanTable = {
  /** IPVLAN_MODE_*: 0 L2, 1 L3, 2 L3S. */
  mode: [1, 'u16', 'IFLA_IPVLAN_MODE'],
  /** 1 private, 2 vepa; 0 bridge. */
  ipvlanFlags: [2, 'u16', 'IFLA_IPVLAN_FLAGS'],
} as const satisfies Table;

/** An ipvlan on the link `linkIndex`. */
export type IpvlanAttributes = Values<typeof ipvlanTable>;

export const ipvlan: LinkKindCodec = { table: ipvlanTable };
