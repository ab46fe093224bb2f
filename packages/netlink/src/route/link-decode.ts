import { type Payload, readI32, readU16, readU32, readU64 } from '../codec/bytes.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader, UnknownAttribute } from '../codec/reader.ts';
import { keepUnknown, readField, readFields } from '../codec/table.ts';
import { AF_INET6, IFF_RUNNING, IFF_UP } from './constants.ts';
import * as ifla from './link-attributes.ts';
import { type LinkSettings, type LinkState, linkStateTable, linkTable } from './link-attributes.ts';
import { type BridgePortAttributes, bridgePortTable } from './link-kinds/bridge-port.ts';
import { type LinkKind, type LinkKindInfo, linkKinds } from './link-kinds/index.ts';

const allTable = { ...linkTable, ...linkStateTable };

/** struct rtnl_link_stats64, the part that every link has. Packets and bytes since the link was made. */
export interface LinkStatistics {
  rxPackets: number | bigint;
  txPackets: number | bigint;
  rxBytes: number | bigint;
  txBytes: number | bigint;
  rxErrors: number | bigint;
  txErrors: number | bigint;
  rxDropped: number | bigint;
  txDropped: number | bigint;
}

/** A link as the kernel describes it. The settings of its kind are a property with the kind's name: `link.vxlan?.id`. */
export interface Link
  extends Omit<LinkSettings, 'mtu' | 'netns'>,
    LinkState,
    Partial<{ [K in LinkKind]: LinkKindInfo<K> }> {
  index: number;
  name: string;
  /** ARPHRD_*: 1 Ethernet, 772 loopback. */
  type: number;
  /** IFF_*. */
  flags: number;
  /** IFF_UP: administratively up. */
  up: boolean;
  /** IFF_RUNNING: it can carry packets. */
  running: boolean;
  /** Bytes; 0 when the kernel does not send it. */
  mtu: number;
  kind?: string;
  alternativeNames?: string[];
  /** How IPv6 link-local addresses are made. */
  addrGenMode?: number;
  statistics?: LinkStatistics;
  /** Kind of the master: "bridge", "vrf". */
  portKind?: string;
  /** Settings as a port of a bridge. */
  bridgePort?: BridgePortAttributes & { unknown?: UnknownAttribute[] };
  /** Settings of an unknown kind or port kind. */
  kindData?: Uint8Array;
  portData?: Uint8Array;
  /** Unknown attributes of IFLA_LINKINFO and IFLA_PROP_LIST. */
  inner?: { unknown?: UnknownAttribute[] };
  unknown?: UnknownAttribute[];
}

/**
 * Decodes the body of an RTM_NEWLINK or RTM_DELLINK.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeLink(payload: Payload): Link {
  const reader = attributesAfter(payload, ifla.IFINFOMSG_SIZE, 'ifinfomsg');
  const little = payload.order === 'little';
  const flags = readU32(payload.bytes, payload.start + 8, little);
  const link: Link = {
    index: readI32(payload.bytes, payload.start + 4, little),
    name: '',
    type: readU16(payload.bytes, payload.start + 2, little),
    flags,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    mtu: 0,
  };
  while (reader.next()) {
    readLinkAttribute(reader, link);
  }
  return link;
}

function readLinkAttribute(reader: AttributeReader, link: Link): void {
  switch (reader.type) {
    case ifla.IFLA_IFNAME:
      link.name = reader.string();
      break;
    case ifla.IFLA_LINKINFO:
      readInfo(reader.attributes('IFLA_LINKINFO'), link);
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

function readInfo(reader: AttributeReader, link: Link): void {
  while (reader.next()) {
    switch (reader.type) {
      case ifla.IFLA_INFO_KIND:
        link.kind = reader.string();
        break;
      case ifla.IFLA_INFO_DATA:
        readKind(reader, link);
        break;
      case ifla.IFLA_INFO_SLAVE_KIND:
        link.portKind = reader.string();
        break;
      case ifla.IFLA_INFO_SLAVE_DATA:
        if (link.portKind === 'bridge' || link.kind === 'bridge_slave') {
          link.bridgePort = readFields(reader.attributes('IFLA_INFO_SLAVE_DATA'), bridgePortTable);
        } else {
          link.portData = reader.raw();
        }
        break;
      default:
        keepInner(link, reader);
    }
  }
}

/** Reads the settings of the kind. The kernel sends the kind first. */
function readKind(reader: AttributeReader, link: Link): void {
  const kind = link.kind as LinkKind;
  const codec = Object.hasOwn(linkKinds, kind) ? linkKinds[kind] : undefined;
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

function readNames(reader: AttributeReader, link: Link): void {
  link.alternativeNames = [];
  while (reader.next()) {
    if (reader.type === ifla.IFLA_ALT_IFNAME) {
      link.alternativeNames.push(reader.string());
    } else {
      keepInner(link, reader);
    }
  }
}

function keepInner(link: Link, reader: AttributeReader): void {
  link.inner ??= {};
  keepUnknown(link.inner, reader);
}

/** Reads the only setting of IFLA_AF_SPEC that requests can change. The whole attribute is kept, too. */
function readAddrGenMode(reader: AttributeReader, link: Link): void {
  const families = reader.attributes('IFLA_AF_SPEC');
  while (families.next()) {
    if (families.type !== AF_INET6) {
      continue;
    }
    const inet6 = families.attributes('AF_INET6');
    while (inet6.next()) {
      if (inet6.type === ifla.IFLA_INET6_ADDR_GEN_MODE) {
        link.addrGenMode = inet6.u8('IFLA_INET6_ADDR_GEN_MODE');
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
