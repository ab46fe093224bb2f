import type { Encoder } from '../../codec/encoder.ts';
import type { AttributeReader } from '../../codec/reader.ts';
import type { Table } from '../../codec/table.ts';

/** How one kind of link writes and reads its IFLA_INFO_DATA. */
export interface LinkKindCodec {
  table: Table;
  /** Settings of a port whose master is of this kind (IFLA_INFO_SLAVE_DATA). */
  port?: Table;
  /** Writes all attributes, when the table does not have all. */
  write?(encoder: Encoder, spec: never): void;
  /** Reads an attribute that the table does not have. Returns false when it is unknown. */
  read?(reader: AttributeReader, into: never): boolean;
}

/** Codecs by the kernel's name of the kind. */
export type LinkKindCodecs = Readonly<Record<string, LinkKindCodec>>;
