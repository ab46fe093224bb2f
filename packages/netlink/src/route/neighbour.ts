/** Neighbours (ARP, NDP) and the forwarding entries of bridges and VXLANs: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH. */

import type { Family } from '@cnikit/ip';
import { checkSpec } from '#check-spec';
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE } from '../codec/ack.ts';
import { type ByteOrder, type Payload, readI32, readU16 } from '../codec/bytes.ts';
import { NetlinkDecodeError, NetlinkEncodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import { nameOf } from '../codec/names.ts';
import type { UnknownAttribute } from '../codec/reader.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import {
  type Decoded,
  keepUnknown,
  readField,
  refuseUnknown,
  type Table,
  type Values,
  writeFields,
} from '../codec/table.ts';
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  NTF_PROXY,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from './constants.ts';
import { familyFilter, familyOfSize } from './family.ts';
import { protocols, type RouteType, routeTypes } from './names.ts';

const NDA_DST = 1;
const NDMSG_SIZE = 12;

const neighbourTable = {
  mac: [2, 'mac', 'NDA_LLADDR'],
  probes: [4, 'u32', 'NDA_PROBES'],
  /** VLAN of a bridge's entry. */
  vlan: [5, 'u16', 'NDA_VLAN'],
  /** VXLAN: UDP port, VNI and link of the remote end, if they differ from those of the link. */
  port: [6, 'be16', 'NDA_PORT'],
  vni: [7, 'u32', 'NDA_VNI'],
  link: [8, 'u32', 'NDA_IFINDEX'],
  /** Index of the bridge. */
  master: [9, 'u32', 'NDA_MASTER'],
  linkNetnsId: [10, 's32', 'NDA_LINK_NETNSID'],
  sourceVni: [11, 'u32', 'NDA_SRC_VNI'],
  /** Origin of the entry. */
  protocol: [12, 'u8', 'NDA_PROTOCOL', protocols],
  nextHopId: [13, 'u32', 'NDA_NH_ID'],
  extendedFlags: [15, 'u32', 'NDA_FLAGS_EXT'],
} as const satisfies Table;

const neighbourNames: Readonly<Record<number, string>> = {
  14: 'NDA_FDB_EXT_ATTRS',
  16: 'NDA_NDM_STATE_MASK',
};

export type NeighbourAttributes = Values<typeof neighbourTable>;

/** Attributes that the kernel computes: they are not sent. */
const NDA_CACHEINFO = 3;

/** A neighbour, proxy or forwarding entry to create. */
export interface NeighbourSpec extends NeighbourAttributes {
  /** Index of the link. */
  index: number;
  /**
   * IP address of the neighbour, or of a VXLAN's remote end with family `bridge`. Optional for a bridge.
   */
  address?: string;
  /** NUD_*; default NUD_PERMANENT, with NUD_NOARP for family `bridge`. */
  state?: number;
  /** NTF_*; for family `bridge` default NTF_SELF, or NTF_MASTER to mean the bridge above the link. */
  flags?: number;
  /**
   * The link answers ARP or NDP requests for `address` (NTF_PROXY), `ip neighbour add proxy`. IPv4 needs the sysctl
   * `proxy_arp`, IPv6 `proxy_ndp`.
   */
  proxy?: boolean;
  /** Attributes of a decoded neighbour without a field: a request with any is refused, except NDA_CACHEINFO. */
  unknown?: readonly UnknownAttribute[];
  /** `bridge` for forwarding entries, `bridge fdb`. Otherwise it follows from `address`. */
  family?: Family | 'bridge';
  /** `replace` (the default) changes an existing entry; `create`: EEXIST; `append`: one more remote end (VXLAN). */
  mode?: 'create' | 'replace' | 'append';
}

const modes = {
  create: NLM_F_CREATE | NLM_F_EXCL,
  replace: NLM_F_CREATE | NLM_F_REPLACE,
  append: NLM_F_CREATE | NLM_F_APPEND,
};

/** RTM_NEWNEIGH, `ip neighbour replace` or `bridge fdb replace`. */
export function newNeighbour(spec: NeighbourSpec, order: ByteOrder = 'little'): Request {
  const payload = encodeNeighbour(spec, order);
  const flags = modes[spec.mode ?? 'replace'];
  return { type: RTM_NEWNEIGH, flags, payload, describe: `new neighbour ${neighbourText(spec)}` };
}

/** RTM_DELNEIGH, `ip neighbour del` or `bridge fdb del`. ENOENT when it does not exist. */
export function delNeighbour(spec: NeighbourSpec, order: ByteOrder = 'little'): Request {
  const payload = encodeNeighbour(spec, order);
  return { type: RTM_DELNEIGH, flags: 0, payload, describe: `delete neighbour ${neighbourText(spec)}` };
}

const neighbourText = ({ address, mac, index }: NeighbourSpec): string =>
  `${address ?? mac ?? '(no address)'} on link #${index}`;

function encodeNeighbour(spec: NeighbourSpec, order: ByteOrder): Uint8Array {
  checkSpec('neighbour', spec, neighbourTable);
  const { family, address, state } = spec;
  const unknown = spec.unknown?.filter(({ type }) => type !== NDA_CACHEINFO);
  refuseUnknown(`Neighbour ${neighbourText(spec)}`, unknown, neighbourNames);
  const flags = spec.proxy === true ? (spec.flags ?? 0) | NTF_PROXY : spec.flags;
  const encoder = requestEncoder(order);
  if (family === 'bridge') {
    encoder
      .putU32(AF_BRIDGE)
      .putI32(spec.index, 'index')
      .putU16(state ?? NUD_PERMANENT | NUD_NOARP, 'state');
    encoder.putU8(flags ?? NTF_SELF, 'flags').putU8(0);
    writeFields(encoder, neighbourTable, spec);
    if (address !== undefined) {
      encoder.address(NDA_DST, address, 'Remote end');
    }
    return encoder.finish();
  }
  if (address === undefined) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'A neighbour needs an address');
  }
  encoder
    .putU32(0)
    .putI32(spec.index, 'index')
    .putU16(state ?? NUD_PERMANENT, 'state')
    .putU8(flags ?? 0, 'flags')
    .putU8(0);
  encoder.patchU8(0, familyOfSize(encoder.address(NDA_DST, address, 'Neighbour')));
  writeFields(encoder, neighbourTable, spec);
  return encoder.finish();
}

/** Filter of a dump of neighbours. */
export interface NeighbourFilter {
  /** `bridge`: forwarding entries. Default: IPv4 and IPv6 neighbours. */
  family?: Family | 'bridge';
  /** Index of the link. */
  index?: number;
  /** Index of the bridge that the link belongs to. */
  master?: number;
  /** Proxy entries only. The kernel does not list them with the neighbours. */
  proxy?: boolean;
}

/** RTM_GETNEIGH, `ip neighbour show` or `bridge fdb show`. */
export function getNeighbours(filter: NeighbourFilter = {}, order: ByteOrder = 'little'): Request {
  checkSpec('filter of neighbours', filter);
  const { family, index, master, proxy } = filter;
  const encoder = requestEncoder(order);
  encoder.putU8(family === 'bridge' ? AF_BRIDGE : familyFilter(family)).putZeros(9);
  encoder.putU8(proxy === true ? NTF_PROXY : 0).putU8(0);
  writeFields(encoder, { index: neighbourTable.link, master: neighbourTable.master }, { index, master });
  return { type: RTM_GETNEIGH, flags: NLM_F_DUMP, payload: encoder.finish(), describe: 'dump neighbours' };
}

/** A neighbour, or a forwarding entry, as the kernel describes it. */
export interface Neighbour extends Decoded<typeof neighbourTable> {
  family: Family | 'bridge';
  /** Index of the link. */
  index: number;
  /** IP address; of the remote end in a VXLAN's forwarding entry. */
  address?: string;
  /** NUD_*. */
  state: number;
  /** NTF_*. */
  flags: number;
  /** The entry is a proxy (NTF_PROXY). */
  proxy?: true;
  type: RouteType;
}

/**
 * Decodes the body of an RTM_NEWNEIGH or RTM_DELNEIGH.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeNeighbour(payload: Payload): Neighbour {
  const reader = attributesAfter(payload, NDMSG_SIZE, 'ndmsg');
  const { bytes, start, order } = payload;
  const little = order === 'little';
  const neighbour: Neighbour = {
    family: familyOf(bytes[start]!, payload),
    index: readI32(bytes, start + 4, little),
    state: readU16(bytes, start + 8, little),
    flags: bytes[start + 10]!,
    type: nameOf(routeTypes, bytes[start + 11]!),
  };
  if ((neighbour.flags & NTF_PROXY) !== 0) {
    neighbour.proxy = true;
  }
  const into = neighbour as unknown as Record<string, unknown>;
  while (reader.next()) {
    if (reader.type === NDA_DST) {
      neighbour.address = reader.address('NDA_DST');
    } else if (!readField(reader, neighbourTable, into)) {
      keepUnknown(neighbour, reader);
    }
  }
  return neighbour;
}

function familyOf(number: number, payload: Payload): Neighbour['family'] {
  if (number === AF_INET) {
    return 'ipv4';
  }
  if (number === AF_INET6) {
    return 'ipv6';
  }
  if (number === AF_BRIDGE) {
    return 'bridge';
  }
  throw new NetlinkDecodeError('BAD_VALUE', 'ndm_family', payload.start, `address family ${number}`);
}
