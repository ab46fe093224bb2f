import type { Table, Values } from '../../codec/table.ts';
import { tables } from '../names.ts';
import type { LinkKindCodec } from './kind.ts';

const vrfTable = {
  /** Routing table of the VRF. */
  table: [1, 'u32', 'IFLA_VRF_TABLE', tables],
} as const satisfies Table;

export type VrfAttributes = Values<typeof vrfTable>;

const portTable = {
  /** Routing table of the VRF. */
  table: [1, 'u32', 'IFLA_VRF_PORT_TABLE', tables],
} as const satisfies Table;

/** State of a link as a port of a VRF. */
export type VrfPort = Values<typeof portTable>;

export const vrf: LinkKindCodec = { table: vrfTable, port: portTable };
