/** Multicast groups that a bridge forwards (MDB): RTM_NEWMDB, RTM_DELMDB, RTM_GETMDB (linux/if_bridge.h). */

import { formatAddress } from '@cnikit/ip';
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../codec/ack.ts';
import { type ByteOrder, type Payload, readU16, readU32 } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { formatMac, macBytes } from '../codec/mac.ts';
import { attributesAfter } from '../codec/message.ts';
import { nameOf, numberOf } from '../codec/names.ts';
import type { AttributeReader, UnknownAttribute } from '../codec/reader.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import {
  hasFields,
  keepUnknown,
  readField,
  refuseUnknown,
  type Table,
  type Values,
  writeFields,
} from '../codec/table.ts';
import { AF_BRIDGE } from './constants.ts';
import { protocols } from './names.ts';

const RTM_NEWMDB = 84;
const RTM_DELMDB = 85;
/** The kernel answers a dump with this type, too, not with RTM_NEWMDB. */
export const RTM_GETMDB = 86;
/** sizeof(struct br_port_msg), sizeof(struct br_mdb_entry). */
const BR_PORT_MSG_SIZE = 8;
const MDB_ENTRY_SIZE = 28;
const MDBA_MDB = 1;
const MDBA_MDB_ENTRY = 1;
const MDBA_MDB_ENTRY_INFO = 1;
const MDBA_SET_ENTRY = 1;
const MDBA_SET_ENTRY_ATTRS = 2;
const MDBE_ATTR_SOURCE = 1;
const MAC = /^[\da-f]{2}(:[\da-f]{2}){5}$/i;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;

const states = { 0: 'temp', 1: 'permanent' } as const;
const filterModes = { 0: 'exclude', 1: 'include' } as const;
const infoTable = {
  /** Hundredths of a second until the entry expires; 0 for a permanent one. */
  timer: [1, 'u32', 'MDBA_MDB_EATTR_TIMER'],
  filterMode: [3, 'u8', 'MDBA_MDB_EATTR_GROUP_MODE', filterModes],
  /** Source of a source-specific group. */
  source: [4, 'ip', 'MDBA_MDB_EATTR_SOURCE'],
  protocol: [5, 'u8', 'MDBA_MDB_EATTR_RTPROT', protocols],
} as const satisfies Table;
/** Settings of a request, whose numbers differ from those of an answer. */
const settingsTable = {
  filterMode: [3, 'u8', 'MDBE_ATTR_GROUP_MODE', filterModes],
  protocol: [4, 'u8', 'MDBE_ATTR_RTPROT', protocols],
} as const satisfies Table;

/** A multicast group of a bridge, `bridge mdb`. */
export interface MdbEntry extends Values<typeof infoTable> {
  /** Index of the bridge. */
  bridge: number;
  /** Index of the port, or of the bridge when the host itself is a member. */
  index: number;
  /** Address of the group: IP, or MAC for groups of layer 2. */
  group: string;
  /** 0: without VLAN. */
  vlan: number;
  state: (typeof states)[keyof typeof states] | number;
  /** MDB_FLAGS_*. */
  flags: number;
  unknown?: UnknownAttribute[];
}

/** An entry to add to a bridge or delete from it. */
export interface MdbSpec {
  /** Index of the bridge. */
  bridge: number;
  /** Index of the port, or of the bridge for the host itself. */
  index: number;
  /** Address of the group: IP, or MAC for permanent groups of layer 2. */
  group: string;
  vlan?: number;
  /** @default 'temp' */
  state?: MdbEntry['state'];
  /** Source of a source-specific group. */
  source?: string | undefined;
  /**
   * Mode of the group's list of sources (Linux 6.3). Not sent with `source`.
   *
   * @default 'exclude'
   */
  filterMode?: MdbEntry['filterMode'];
  /**
   * Origin of the entry (Linux 6.3).
   *
   * @default 'static'
   */
  protocol?: MdbEntry['protocol'];
  /** Attributes of a decoded entry that have no field: refused. */
  unknown?: UnknownAttribute[] | undefined;
}

/** RTM_GETMDB, `bridge mdb show`. */
export function getMdb(order: ByteOrder = 'little'): Request {
  const payload = requestEncoder(order).putU8(AF_BRIDGE).putZeros(7).finish();
  return { type: RTM_GETMDB, flags: NLM_F_DUMP, payload, describe: 'dump multicast groups of bridges' };
}

/**
 * RTM_NEWMDB, `bridge mdb add`. The kernel answers EEXIST when the port is a member.
 *
 * @throws {NetlinkEncodeError} when a value does not fit its field, or the spec has unknown attributes
 */
export function newMdbEntry(spec: MdbSpec, order: ByteOrder = 'little'): Request {
  const { filterMode, protocol, unknown } = spec;
  refuseUnknown(`Group ${spec.group}`, unknown, { 2: 'MDBA_MDB_EATTR_SRC_LIST' });
  const encoder = entryEncoder(spec, order);
  const settings = {
    // The kernel reports the mode of source-specific groups, too, but refuses it in requests.
    filterMode: filterMode === 'exclude' || spec.source !== undefined ? undefined : filterMode,
    protocol: protocol === 'static' ? undefined : protocol,
  };
  if (spec.source !== undefined || hasFields(settingsTable, settings)) {
    const attributes = encoder.nest(MDBA_SET_ENTRY_ATTRS | NLA_F_NESTED);
    writeSource(encoder, spec);
    writeFields(encoder, settingsTable, settings);
    encoder.end(attributes);
  }
  const describe = `add group ${groupText(spec)} to port #${spec.index}`;
  return { type: RTM_NEWMDB, flags: NLM_F_CREATE | NLM_F_EXCL, payload: encoder.finish(), describe };
}

/** RTM_DELMDB, `bridge mdb del`. */
export function delMdbEntry(spec: MdbSpec, order: ByteOrder = 'little'): Request {
  const encoder = entryEncoder(spec, order);
  if (spec.source !== undefined) {
    const attributes = encoder.nest(MDBA_SET_ENTRY_ATTRS | NLA_F_NESTED);
    writeSource(encoder, spec);
    encoder.end(attributes);
  }
  const describe = `delete group ${groupText(spec)} of port #${spec.index}`;
  return { type: RTM_DELMDB, flags: 0, payload: encoder.finish(), describe };
}

const groupText = ({ group, source }: MdbSpec): string =>
  source === undefined ? group : `${group} from ${source}`;

function writeSource(encoder: Encoder, { source }: MdbSpec): void {
  if (source !== undefined) {
    encoder.address(MDBE_ATTR_SOURCE, source, 'source');
  }
}

/** Returns an encoder that contains struct br_port_msg and struct br_mdb_entry. */
function entryEncoder(spec: MdbSpec, order: ByteOrder): Encoder {
  checkSpec('multicast group', spec, infoTable);
  const { bridge, index, group, vlan = 0, state = 0 } = spec;
  const encoder = requestEncoder(order).putU8(AF_BRIDGE).putZeros(3).putU32(bridge, 'bridge');
  const entry = encoder.nest(MDBA_SET_ENTRY);
  encoder
    .putU32(index, 'index')
    .putU8(numberOf(states, state, 'state'), 'state')
    .putU8(0);
  encoder.putU16(vlan, 'vlan');
  const start = encoder.length;
  const isMac = MAC.test(group);
  if (isMac) {
    encoder.putBytes(macBytes(group, 'group'));
  } else {
    encoder.putAddress(group, 'group');
  }
  const size = encoder.length - start;
  return encoder
    .putZeros(16 - size)
    .putBe16(isMac ? 0 : size === 4 ? ETH_P_IP : ETH_P_IPV6)
    .putZeros(2)
    .end(entry);
}

/**
 * Decodes the body of an RTM_NEWMDB, or of an answer to RTM_GETMDB.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeMdb(payload: Payload): MdbEntry[] {
  const bridge = readU32(payload.bytes, payload.start + 4, payload.order === 'little');
  const reader = attributesAfter(payload, BR_PORT_MSG_SIZE, 'br_port_msg');
  const entries: MdbEntry[] = [];
  while (reader.next()) {
    if (reader.type !== MDBA_MDB) {
      continue;
    }
    const groups = reader.attributes('MDBA_MDB');
    while (groups.next()) {
      if (groups.type !== MDBA_MDB_ENTRY) {
        continue;
      }
      const infos = groups.attributes('MDBA_MDB_ENTRY');
      while (infos.next()) {
        if (infos.type === MDBA_MDB_ENTRY_INFO) {
          entries.push(readEntry(infos, bridge));
        }
      }
    }
  }
  return entries;
}

function readEntry(reader: AttributeReader, bridge: number): MdbEntry {
  const { bytes, start } = reader;
  const attributes = reader.attributes('MDBA_MDB_ENTRY_INFO', MDB_ENTRY_SIZE);
  const little = reader.order === 'little';
  const etherType = readU16(bytes, start + 24, false);
  const entry: MdbEntry = {
    bridge,
    index: readU32(bytes, start, little),
    group: groupAt(bytes, start + 8, etherType),
    vlan: readU16(bytes, start + 6, little),
    state: nameOf(states, bytes[start + 4]!),
    flags: bytes[start + 5]!,
  };
  while (attributes.next()) {
    if (!readField(attributes, infoTable, entry as unknown as Record<string, unknown>)) {
      keepUnknown(entry, attributes);
    }
  }
  return entry;
}

function groupAt(bytes: Uint8Array, at: number, etherType: number): string {
  if (etherType === ETH_P_IP || etherType === ETH_P_IPV6) {
    return formatAddress(bytes, at, etherType === ETH_P_IP ? 4 : 16);
  }
  return formatMac(bytes, at, at + 6);
}
