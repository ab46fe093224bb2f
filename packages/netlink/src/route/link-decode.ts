import { type Payload, readI32, readU16, readU32, readU64 } from '../codec/bytes.ts';
import { attributesAfter } from '../codec/message.ts';
import { nameOf } from '../codec/names.ts';
import type { AttributeReader } from '../codec/reader.ts';
import { keepUnknown, readField, readFields } from '../codec/table.ts';
import { AF_INET6, IFF_RUNNING, IFF_UP } from './constants.ts';
import * as ifla from './link-attributes.ts';
import { linkStateTable, linkTable } from './link-attributes.ts';
import type { LinkKindCodecs } from './link-kinds/kind.ts';
import type { Link, LinkBase, LinkStatistics } from './link-types.ts';
import { addrGenModes } from './names.ts';

const allTable = { ...linkTable, ...linkStateTable };

/** A link while it is decoded: its kind is not known yet. */
interface Draft extends LinkBase {
  kind?: string;
  kindData?: Uint8Array;
}

/** `decodeLink()` for the given kinds. The settings of other kinds stay bytes. */
export function decodeLinkOf(kinds: LinkKindCodecs, payload: Payload): Link {
  const reader = attributesAfter(payload, ifla.IFINFOMSG_SIZE, 'ifinfomsg');
  const little = payload.order === 'little';
  const flags = readU32(payload.bytes, payload.start + 8, little);
  const link: Draft = {
    index: readI32(payload.bytes, payload.start + 4, little),
    name: '',
    type: readU16(payload.bytes, payload.start + 2, little),
    flags,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    mtu: 0,
    operState: 'unknown',
    group: 0,
    txQueueLength: 0,
  };
  while (reader.next()) {
    readLinkAttribute(reader, kinds, link);
  }
  return link as Link;
}

function readLinkAttribute(reader: AttributeReader, kinds: LinkKindCodecs, link: Draft): void {
  switch (reader.type) {
    case ifla.IFLA_IFNAME:
      link.name = reader.string();
      break;
    case ifla.IFLA_LINKINFO:
      readInfo(reader.attributes('IFLA_LINKINFO'), kinds, link);
      break;
    case ifla.IFLA_STATS64:
      link.statistics = readStatistics(reader);
      break;
    case ifla.IFLA_PROP_LIST:
      readNames(reader.attributes('IFLA_PROP_LIST'), link);
      break;
    case ifla.IFLA_AF_SPEC:
      readAddrGenMode(reader, link);
      keepUnknown(link, reader);
      break;
    default: {
      const into = link as unknown as Record<string, unknown>;
      if (!readField(reader, allTable, into)) {
        keepUnknown(link, reader);
      }
    }
  }
}

function readInfo(reader: AttributeReader, kinds: LinkKindCodecs, link: Draft): void {
  while (reader.next()) {
    switch (reader.type) {
      case ifla.IFLA_INFO_KIND:
        link.kind = reader.string();
        if (Object.hasOwn(kinds, link.kind)) {
          (link as unknown as Record<string, unknown>)[link.kind] = {};
        }
        break;
      case ifla.IFLA_INFO_DATA:
        readKind(reader, kinds, link);
        break;
      case ifla.IFLA_INFO_SLAVE_KIND:
        link.portKind = reader.string();
        break;
      case ifla.IFLA_INFO_SLAVE_DATA:
        readPort(reader, kinds, link);
        break;
      default:
        keepInner(link, reader);
    }
  }
}

/** Reads the settings as a port. The kernel sends the kind of the master first. */
function readPort(reader: AttributeReader, kinds: LinkKindCodecs, link: Draft): void {
  // A request of `ip` has "bridge_slave" as its kind.
  const portKind = link.portKind ?? link.kind?.split('_')[0] ?? '';
  const table = Object.hasOwn(kinds, portKind) ? kinds[portKind]!.port : undefined;
  if (table === undefined) {
    link.portData = reader.raw();
  } else {
    const into = link as unknown as Record<string, unknown>;
    into[`${portKind}Port`] = readFields(reader.attributes('IFLA_INFO_SLAVE_DATA'), table);
  }
}

/** Reads the settings of the kind. The kernel sends the kind first. */
function readKind(reader: AttributeReader, kinds: LinkKindCodecs, link: Draft): void {
  const { kind = '' } = link;
  const codec = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (codec === undefined) {
    link.kindData = reader.raw();
    return;
  }
  const attributes = reader.attributes('IFLA_INFO_DATA');
  const into = link as unknown as Record<string, unknown>;
  if (codec.read === undefined) {
    into[kind] = readFields(attributes, codec.table);
    return;
  }
  const values: Record<string, unknown> = {};
  while (attributes.next()) {
    if (!readField(attributes, codec.table, values) && !codec.read(attributes, values as never)) {
      keepUnknown(values, attributes);
    }
  }
  into[kind] = values;
}

function readNames(reader: AttributeReader, link: Draft): void {
  link.alternativeNames = [];
  while (reader.next()) {
    if (reader.type === ifla.IFLA_ALT_IFNAME) {
      link.alternativeNames.push(reader.string());
    } else {
      keepInner(link, reader);
    }
  }
}

function keepInner(link: Draft, reader: AttributeReader): void {
  link.inner ??= {};
  keepUnknown(link.inner, reader);
}

/** Reads the only setting of IFLA_AF_SPEC that requests can change. The whole attribute is kept, too. */
function readAddrGenMode(reader: AttributeReader, link: Draft): void {
  const families = reader.attributes('IFLA_AF_SPEC');
  while (families.next()) {
    if (families.type !== AF_INET6) {
      continue;
    }
    const inet6 = families.attributes('AF_INET6');
    while (inet6.next()) {
      if (inet6.type === ifla.IFLA_INET6_ADDR_GEN_MODE) {
        link.addrGenMode = nameOf(addrGenModes, inet6.u8('IFLA_INET6_ADDR_GEN_MODE'));
      }
    }
  }
}

function readStatistics(reader: AttributeReader): LinkStatistics {
  reader.size(64, 'IFLA_STATS64', true);
  const { bytes, start } = reader;
  const little = reader.order === 'little';
  return {
    rxPackets: readU64(bytes, start, little),
    txPackets: readU64(bytes, start + 8, little),
    rxBytes: readU64(bytes, start + 16, little),
    txBytes: readU64(bytes, start + 24, little),
    rxErrors: readU64(bytes, start + 32, little),
    txErrors: readU64(bytes, start + 40, little),
    rxDropped: readU64(bytes, start + 48, little),
    txDropped: readU64(bytes, start + 56, little),
  };
}
