/** Families of generic netlink (linux/genetlink.h). */
import { NLM_F_DUMP } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import { type Decoded, keepUnknown, readField, readFields, type Table } from '../codec/table.ts';

/** The only family with a fixed number. */
export const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_NAME = 2;
/** sizeof(struct genlmsghdr). */
export const GENL_HDRLEN = 4;

const familyTable = {
  id: [1, 'u16', 'CTRL_ATTR_FAMILY_ID'],
  name: [CTRL_ATTR_FAMILY_NAME, 'string', 'CTRL_ATTR_FAMILY_NAME'],
  version: [3, 'u32', 'CTRL_ATTR_VERSION'],
  /** Bytes of the family's header after genlmsghdr. */
  headerSize: [4, 'u32', 'CTRL_ATTR_HDRSIZE'],
  maxAttribute: [5, 'u32', 'CTRL_ATTR_MAXATTR'],
} as const satisfies Table;
const operationTable = {
  command: [1, 'u32', 'CTRL_ATTR_OP_ID'],
  flags: [2, 'u32', 'CTRL_ATTR_OP_FLAGS'],
} as const satisfies Table;
const groupTable = {
  name: [1, 'string', 'CTRL_ATTR_MCAST_GRP_NAME'],
  id: [2, 'u32', 'CTRL_ATTR_MCAST_GRP_ID'],
} as const satisfies Table;

/** A family of generic netlink. Its `id` is the type of its messages. */
export interface GenericFamily extends Decoded<typeof familyTable> {
  operations: Decoded<typeof operationTable>[];
  groups: Decoded<typeof groupTable>[];
}

/** A message of a generic netlink family. */
export interface GenericSpec {
  /** `GenericFamily.id`. */
  family: number;
  command: number;
  version?: number;
  /** NLM_F_*. */
  flags?: number;
  /** Bytes after struct genlmsghdr. */
  body?: Uint8Array;
  describe?: string;
}

/** Returns a request of any family. */
export function genericRequest(spec: GenericSpec, order: ByteOrder = 'little'): Request {
  const { family, command, version = 1, flags = 0, body } = spec;
  const encoder = requestEncoder(order).putU8(command).putU8(version).putU16(0);
  if (body !== undefined) {
    encoder.putBytes(body);
  }
  const describe = spec.describe ?? `command ${command} of generic family ${family}`;
  return { type: family, flags, payload: encoder.finish(), describe };
}

/** CTRL_CMD_GETFAMILY: one family by name, or all. */
export function getFamily(name?: string, order: ByteOrder = 'little'): Request {
  const encoder = requestEncoder(order).putU8(CTRL_CMD_GETFAMILY).putU8(1).putU16(0);
  if (name !== undefined) {
    encoder.string(CTRL_ATTR_FAMILY_NAME, name);
  }
  return {
    type: GENL_ID_CTRL,
    flags: name === undefined ? NLM_F_DUMP : 0,
    payload: encoder.finish(),
    describe: name === undefined ? 'dump generic families' : `get generic family ${name}`,
  };
}

/**
 * Decodes the body of a CTRL_CMD_NEWFAMILY.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeFamily(payload: Payload): GenericFamily {
  const family: GenericFamily = { operations: [], groups: [] };
  const into = family as unknown as Record<string, unknown>;
  const reader = attributesAfter(payload, GENL_HDRLEN, 'genlmsghdr');
  while (reader.next()) {
    if (reader.type === 6) {
      family.operations = readList(reader, 'CTRL_ATTR_OPS', operationTable);
    } else if (reader.type === 7) {
      family.groups = readList(reader, 'CTRL_ATTR_MCAST_GROUPS', groupTable);
    } else if (!readField(reader, familyTable, into)) {
      keepUnknown(family, reader);
    }
  }
  return family;
}

function readList<T extends Table>(reader: AttributeReader, name: string, table: T): Decoded<T>[] {
  const list: Decoded<T>[] = [];
  const items = reader.attributes(name);
  while (items.next()) {
    list.push(readFields(items.attributes(name), table));
  }
  return list;
}
