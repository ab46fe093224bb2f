import type { Encoder } from '../../codec/encoder.ts';
import type { AttributeReader } from '../../codec/reader.ts';
import { type Table, type Values, writeFields } from '../../codec/table.ts';
import { dontFragment } from './dont-fragment.ts';
import type { LinkKindCodec } from './kind.ts';

const geneveTable = {
  /** VNI, 24 bits. */
  id: [1, 'u32', 'IFLA_GENEVE_ID'],
  ttl: [3, 'u8', 'IFLA_GENEVE_TTL'],
  tos: [4, 'u8', 'IFLA_GENEVE_TOS'],
  /** UDP destination port; the kernel's default is 6081. */
  port: [5, 'be16', 'IFLA_GENEVE_PORT'],
  /** Each packet carries its tunnel metadata. The kernel accepts it without `id` and `remote` only. */
  collectMetadata: [6, 'flag', 'IFLA_GENEVE_COLLECT_METADATA'],
  udpCsum: [8, 'bool', 'IFLA_GENEVE_UDP_CSUM'],
  udpZeroCsum6Tx: [9, 'bool', 'IFLA_GENEVE_UDP_ZERO_CSUM6_TX'],
  udpZeroCsum6Rx: [10, 'bool', 'IFLA_GENEVE_UDP_ZERO_CSUM6_RX'],
  label: [11, 'be32', 'IFLA_GENEVE_LABEL'],
  /** Copy the TTL of the inner packet. */
  ttlInherit: [12, 'bool', 'IFLA_GENEVE_TTL_INHERIT'],
  df: [13, 'u8', 'IFLA_GENEVE_DF', dontFragment],
  innerProtocolInherit: [14, 'flag', 'IFLA_GENEVE_INNER_PROTO_INHERIT'],
} as const satisfies Table;

const IFLA_GENEVE_REMOTE = 2;
const IFLA_GENEVE_REMOTE6 = 7;

/** A Geneve tunnel. */
export interface GeneveAttributes extends Values<typeof geneveTable> {
  /** Remote end. */
  remote?: string;
}

const { id: idField, ...otherFields } = geneveTable;

export const geneve: LinkKindCodec = {
  table: geneveTable,
  write(encoder: Encoder, spec: GeneveAttributes): void {
    writeFields(encoder, { id: idField }, spec);
    if (spec.remote !== undefined) {
      const type = spec.remote.includes(':') ? IFLA_GENEVE_REMOTE6 : IFLA_GENEVE_REMOTE;
      encoder.address(type, spec.remote, 'Remote');
    }
    writeFields(encoder, otherFields, spec);
  },
  read(reader: AttributeReader, into: GeneveAttributes): boolean {
    if (reader.type !== IFLA_GENEVE_REMOTE && reader.type !== IFLA_GENEVE_REMOTE6) {
      return false;
    }
    into.remote = reader.address('IFLA_GENEVE_REMOTE');
    return true;
  },
};
