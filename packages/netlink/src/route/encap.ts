/** Lightweight tunnels of routes, RTA_ENCAP (linux/lwtunnel.h, mpls_iptunnel.h, seg6_iptunnel.h). */
import { formatAddress } from '@cnikit/ip';
import { type ByteOrder, readU32 } from '../codec/bytes.ts';
import { Encoder } from '../codec/encoder.ts';
import { NetlinkDecodeError, NetlinkEncodeError } from '../codec/errors.ts';
import { AttributeReader } from '../codec/reader.ts';
import {
  type Decoded,
  keepUnknown,
  readField,
  readFields,
  refuseUnknown,
  type Table,
  writeFields,
} from '../codec/table.ts';

/** LWTUNNEL_ENCAP_*. */
const types = { mpls: 1, ip: 2, ip6: 4, seg6: 5 } as const;
/** SEG6_IPTUN_MODE_*, by the names of `ip`. */
const modes = ['inline', 'encap', 'l2encap', 'encap.red', 'l2encap.red'] as const;

const ipTable = {
  /** Tunnel key, such as a VNI. */
  id: [1, 'be64', 'LWTUNNEL_IP_ID'],
  remote: [2, 'ipv4', 'LWTUNNEL_IP_DST'],
  local: [3, 'ipv4', 'LWTUNNEL_IP_SRC'],
  ttl: [4, 'u8', 'LWTUNNEL_IP_TTL'],
  tos: [5, 'u8', 'LWTUNNEL_IP_TOS'],
  /** TUNNEL_*: 1 checksum, 4 key, 8 sequence numbers. */
  flags: [6, 'be16', 'LWTUNNEL_IP_FLAGS'],
} as const satisfies Table;

const ip6Table = {
  id: [1, 'be64', 'LWTUNNEL_IP6_ID'],
  remote: [2, 'ipv6', 'LWTUNNEL_IP6_DST'],
  local: [3, 'ipv6', 'LWTUNNEL_IP6_SRC'],
  hopLimit: [4, 'u8', 'LWTUNNEL_IP6_HOPLIMIT'],
  trafficClass: [5, 'u8', 'LWTUNNEL_IP6_TC'],
  flags: [6, 'be16', 'LWTUNNEL_IP6_FLAGS'],
} as const satisfies Table;

const mplsTable = { ttl: [2, 'u8', 'MPLS_IPTUNNEL_TTL'] } as const satisfies Table;
const MPLS_IPTUNNEL_DST = 1;
const SEG6_IPTUNNEL_SRH = 1;
/** The mode and the fixed part of struct ipv6_sr_hdr. */
const SEG6_HEADER = 12;
const IPV6_SRCRT_TYPE_4 = 4;
const EMPTY_SEGMENT = '::';

/** A lightweight tunnel of a route, `ip route add … encap`. */
export type RouteEncap =
  /** Labels from the outermost to the innermost. */
  | ({ type: 'mpls'; labels: number[] } & Decoded<typeof mplsTable>)
  | ({ type: 'ip' } & Decoded<typeof ipTable>)
  | ({ type: 'ip6' } & Decoded<typeof ip6Table>)
  /** Segments in the order of the path. */
  | ({ type: 'seg6'; mode: (typeof modes)[number]; segments: string[] } & Decoded<Record<never, never>>);

/**
 * Returns the fields of a route for a tunnel: `newRoute({ dst, oif, ...encodeEncap({ type: 'mpls', labels: [100] }) })`.
 *
 * @throws {NetlinkEncodeError} when a value does not fit its field, or the tunnel has unknown attributes
 */
export function encodeEncap(
  encap: RouteEncap,
  order: ByteOrder = 'little',
): { encapType: number; encap: Uint8Array } {
  if (!Object.hasOwn(types, encap.type)) {
    const known = Object.keys(types).join(', ');
    throw new NetlinkEncodeError('BAD_REQUEST', `Unknown encap type ${encap.type}: expected one of ${known}`);
  }
  refuseUnknown(`Encap ${encap.type}`, encap.unknown);
  const encoder = new Encoder(order);
  switch (encap.type) {
    case 'mpls':
      writeLabels(encoder, encap.labels);
      writeFields(encoder, mplsTable, encap);
      break;
    case 'ip':
      writeFields(encoder, ipTable, encap);
      break;
    case 'ip6':
      writeFields(encoder, ip6Table, encap);
      break;
    case 'seg6':
      writeSegments(encoder, encap.mode, encap.segments);
  }
  return { encapType: types[encap.type], encap: encoder.finish() };
}

/** Writes MPLS label stack entries: label, traffic class 0, bottom of stack, TTL 0. */
function writeLabels(encoder: Encoder, labels: readonly number[]): void {
  if (labels.length === 0) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'labels is empty');
  }
  const token = encoder.nest(MPLS_IPTUNNEL_DST);
  labels.forEach((label, i) => {
    if (!Number.isInteger(label) || label < 0 || label > 0xfffff) {
      throw new NetlinkEncodeError('BAD_VALUE', `labels: ${label} is not an MPLS label of 20 bits`);
    }
    encoder.putBe32(label * 0x1000 + (i === labels.length - 1 ? 0x100 : 0));
  });
  encoder.end(token);
}

function writeSegments(encoder: Encoder, mode: (typeof modes)[number], path: readonly string[]): void {
  const number = modes.indexOf(mode);
  if (number < 0) {
    throw new NetlinkEncodeError('BAD_REQUEST', `Unknown mode ${mode}: expected one of ${modes.join(', ')}`);
  }
  // The kernel puts the packet's own destination into the last segment.
  const segments = mode === 'inline' ? [...path, EMPTY_SEGMENT] : path;
  if (path.length === 0 || segments.length > 127) {
    throw new NetlinkEncodeError('BAD_REQUEST', `segments has ${path.length} addresses: expected 1 to 126`);
  }
  const last = segments.length - 1;
  const token = encoder.nest(SEG6_IPTUNNEL_SRH);
  encoder
    .putU32(number)
    .putU8(0)
    .putU8(segments.length * 2);
  encoder.putU8(IPV6_SRCRT_TYPE_4).putU8(last).putU8(last).putZeros(3);
  for (const segment of segments.toReversed()) {
    if (!segment.includes(':')) {
      throw new NetlinkEncodeError('BAD_ADDRESS', `segments: ${segment} is not an IPv6 address`);
    }
    encoder.putAddress(segment, 'Segment');
  }
  encoder.end(token);
}

/**
 * Decodes the tunnel of a route. Returns `undefined` when the route has none, or one of another type.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeEncap(
  route: { encapType?: number | undefined; encap?: Uint8Array | undefined },
  order: ByteOrder = 'little',
): RouteEncap | undefined {
  const { encapType, encap } = route;
  if (encapType === undefined || encap === undefined) {
    return undefined;
  }
  const reader = new AttributeReader(encap, 0, encap.length, order, 'RTA_ENCAP');
  switch (encapType) {
    case types.mpls:
      return readMpls(reader);
    case types.ip:
      return { type: 'ip', ...readFields(reader, ipTable) };
    case types.ip6:
      return { type: 'ip6', ...readFields(reader, ip6Table) };
    case types.seg6:
      return readSeg6(reader);
    default:
      return undefined;
  }
}

function readMpls(reader: AttributeReader): RouteEncap {
  const encap: RouteEncap & { type: 'mpls' } = { type: 'mpls', labels: [] };
  while (reader.next()) {
    if (reader.type === MPLS_IPTUNNEL_DST) {
      for (let at = reader.start; at + 4 <= reader.end; at += 4) {
        encap.labels.push(readU32(reader.bytes, at, false) >>> 12);
      }
    } else if (!readField(reader, mplsTable, encap as unknown as Record<string, unknown>)) {
      keepUnknown(encap, reader);
    }
  }
  return encap;
}

function readSeg6(reader: AttributeReader): RouteEncap {
  const encap: RouteEncap & { type: 'seg6' } = { type: 'seg6', mode: 'encap', segments: [] };
  while (reader.next()) {
    const { bytes, start, end } = reader;
    // A longer header has TLVs, such as an HMAC, that no field holds.
    const mode = end - start >= 4 ? modes[readU32(bytes, start, reader.order === 'little')] : undefined;
    if (reader.type !== SEG6_IPTUNNEL_SRH || mode === undefined) {
      keepUnknown(encap, reader);
      continue;
    }
    const count = end - start >= SEG6_HEADER ? bytes[start + 8]! + 1 : 0;
    if (count === 0 || start + SEG6_HEADER + 16 * count > end) {
      throw new NetlinkDecodeError('BAD_LENGTH', 'SEG6_IPTUNNEL_SRH', start, `${end - start} bytes`);
    }
    encap.mode = mode;
    for (let i = count - 1; i >= (mode === 'inline' ? 1 : 0); i--) {
      encap.segments.push(formatAddress(bytes, start + SEG6_HEADER + 16 * i, 16));
    }
    if (start + SEG6_HEADER + 16 * count < end) {
      keepUnknown(encap, reader);
    }
  }
  return encap;
}
