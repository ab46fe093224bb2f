import { readU32 } from '../../codec/bytes.ts';
import type { Encoder } from '../../codec/encoder.ts';
import type { AttributeReader } from '../../codec/reader.ts';
import { type Table, type Values, writeFields } from '../../codec/table.ts';
import type { LinkKindCodec } from './kind.ts';
import { vlanProtocols } from './vlan-protocols.ts';

const vlanTable = {
  id: [1, 'u16', 'IFLA_VLAN_ID'],
  /** @default '802.1q' */
  protocol: [5, 'be16', 'IFLA_VLAN_PROTOCOL', vlanProtocols],
} as const satisfies Table;

const IFLA_VLAN_FLAGS = 2;

/** A VLAN on the link `link`. */
export interface VlanAttributes extends Values<typeof vlanTable> {
  /** VLAN_FLAG_*: 1 reorder header, 2 GVRP, 4 loose binding, 8 MVRP, 16 bridge binding. */
  vlanFlags?: { flags: number; mask: number };
}

export const vlan: LinkKindCodec = {
  table: vlanTable,
  write(encoder: Encoder, spec: VlanAttributes): void {
    const { vlanFlags } = spec;
    writeFields(encoder, vlanTable, spec);
    if (vlanFlags === undefined) {
      return;
    }
    const attribute = encoder.nest(IFLA_VLAN_FLAGS);
    encoder.putU32(vlanFlags.flags).putU32(vlanFlags.mask).end(attribute);
  },
  read(reader: AttributeReader, into: VlanAttributes): boolean {
    if (reader.type !== IFLA_VLAN_FLAGS) {
      return false;
    }
    reader.size(8, 'IFLA_VLAN_FLAGS');
    const little = reader.order === 'little';
    into.vlanFlags = {
      flags: readU32(reader.bytes, reader.start, little),
      mask: readU32(reader.bytes, reader.start + 4, little),
    };
    return true;
  },
};
