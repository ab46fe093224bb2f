import type { Encoder } from '../../codec/encoder.ts';
import type { AttributeReader } from '../../codec/reader.ts';
import type { Table } from '../../codec/table.ts';

/** How one kind of link writes and reads its IFLA_INFO_DATA. */
export interface LinkKindCodec {
  table: Table;
  /** Writes all, the table's too, where the table does not cover all. */
  write?(encoder: Encoder, spec: never): void;
  /** Reads the current attribute, which the table does not have; false when it is unknown here too. */
  read?(reader: AttributeReader, into: never): boolean;
}
