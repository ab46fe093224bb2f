/** Entries of connection tracking (linux/netfilter/nfnetlink_conntrack.h). */

import type { Family } from '@cnikit/ip';
import { checkSpec } from '#check-spec';
import { NLM_F_DUMP } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { isIPv6 } from '../codec/family.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import type { Request } from '../codec/request.ts';
import {
  type Decoded,
  keepUnknown,
  readField,
  readFields,
  type Table,
  type Values,
  writeFields,
} from '../codec/table.ts';
import { NFGENMSG_SIZE, NFNL_SUBSYS_CTNETLINK, nfFamilyWord, nfHeader } from './nf-message.ts';

export const IPCTNL_MSG_CT_NEW = NFNL_SUBSYS_CTNETLINK << 8;
export const IPCTNL_MSG_CT_GET = IPCTNL_MSG_CT_NEW | 1;
export const IPCTNL_MSG_CT_DELETE = IPCTNL_MSG_CT_NEW | 2;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_TUPLE_MASTER = 14;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;

const protocolTable = {
  /** IPPROTO_*: 6 TCP, 17 UDP. */
  protocol: [1, 'u8', 'CTA_PROTO_NUM'],
  sourcePort: [2, 'be16', 'CTA_PROTO_SRC_PORT'],
  destinationPort: [3, 'be16', 'CTA_PROTO_DST_PORT'],
  icmpId: [4, 'be16', 'CTA_PROTO_ICMP_ID'],
  icmpType: [5, 'u8', 'CTA_PROTO_ICMP_TYPE'],
  icmpCode: [6, 'u8', 'CTA_PROTO_ICMP_CODE'],
  icmp6Id: [7, 'be16', 'CTA_PROTO_ICMPV6_ID'],
  icmp6Type: [8, 'u8', 'CTA_PROTO_ICMPV6_TYPE'],
  icmp6Code: [9, 'u8', 'CTA_PROTO_ICMPV6_CODE'],
} as const satisfies Table;

const flowTable = {
  /** IPS_*: 1 expected by a helper, 2 seen reply, 8 confirmed, 16 source NAT, 32 destination NAT. */
  status: [3, 'be32', 'CTA_STATUS'],
  /** Seconds until the entry expires. */
  timeout: [7, 'be32', 'CTA_TIMEOUT'],
  mark: [8, 'be32', 'CTA_MARK'],
  use: [11, 'be32', 'CTA_USE'],
  id: [12, 'be32', 'CTA_ID'],
  zone: [18, 'be16', 'CTA_ZONE'],
  /** Connection labels, 16 bytes: label n is bit n % 8 of byte n / 8. */
  labels: [22, 'raw', 'CTA_LABELS'],
} as const satisfies Table;

/** The packets of one direction. */
export interface FlowTuple extends Values<typeof protocolTable> {
  source: string;
  destination: string;
}

/** A tracked connection. */
export interface Flow extends Decoded<typeof flowTable> {
  family: Family;
  original: FlowTuple;
  /** Direction of the replies, with the addresses after NAT. */
  reply: FlowTuple;
  /** Original direction of the connection whose helper expected this one, such as that of the commands of FTP. */
  master?: FlowTuple;
}

/** Selects connections by their original direction. */
export interface FlowFilter {
  /** IPPROTO_*. */
  protocol: number;
  destinationPort?: number;
  destination?: string;
}

/** CTA_FILTER: bits that select the parts of CTA_TUPLE_ORIG to compare. */
const CTA_FILTER = 25;
const CTA_FILTER_ORIG_FLAGS = 1;
const FILTER_DESTINATION = 1 << 1;
const FILTER_PROTOCOL = 1 << 3;
const FILTER_DESTINATION_PORT = 1 << 5;

/** IPCTNL_MSG_CT_GET, `conntrack -L`. Kernels before 5.8 ignore the filter and return all. */
export function getFlows(family: Family, filter?: FlowFilter, order: ByteOrder = 'little'): Request {
  const encoder = nfHeader(isIPv6(family) ? 'ip6' : 'ip', order);
  if (filter !== undefined) {
    checkSpec('filter of connections', filter);
    const { protocol, destinationPort } = filter;
    // Linux 6.18 inverts the comparison of IPv6 addresses, so `passes()` compares them.
    const destination = family === 'ipv4' ? filter.destination : undefined;
    const outer = encoder.nest(CTA_TUPLE_ORIG | NLA_F_NESTED);
    if (destination !== undefined) {
      const ip = encoder.nest(CTA_TUPLE_IP | NLA_F_NESTED);
      encoder.address(2, destination, 'Destination');
      encoder.end(ip);
    }
    const proto = encoder.nest(CTA_TUPLE_PROTO | NLA_F_NESTED);
    writeFields(encoder, protocolTable, {
      protocol,
      destinationPort,
    });
    encoder.end(proto).end(outer);
    const flags =
      FILTER_PROTOCOL |
      (destination === undefined ? 0 : FILTER_DESTINATION) |
      (destinationPort === undefined ? 0 : FILTER_DESTINATION_PORT);
    const nest = encoder.nest(CTA_FILTER | NLA_F_NESTED);
    encoder.u32(CTA_FILTER_ORIG_FLAGS, flags).end(nest);
  }
  const payload = encoder.finish();
  return { type: IPCTNL_MSG_CT_GET, flags: NLM_F_DUMP, payload, describe: `dump ${family} connections` };
}

/** Returns true when a connection passes the filter. */
export function passes({ original }: Flow, filter: FlowFilter): boolean {
  return (
    original.protocol === filter.protocol &&
    (filter.destinationPort === undefined || original.destinationPort === filter.destinationPort) &&
    (filter.destination === undefined || original.destination === filter.destination)
  );
}

/** IPCTNL_MSG_CT_DELETE of a connection, by its original direction and its ID if given. ENOENT when it does not exist. */
export function delFlow(
  flow: Pick<Flow, 'family' | 'original' | 'id' | 'zone'>,
  order: ByteOrder = 'little',
): Request {
  const { family, original, id, zone } = flow;
  const encoder = nfHeader(isIPv6(family) ? 'ip6' : 'ip', order);
  writeTuple(encoder, family, original);
  writeFields(encoder, flowTable, { id, zone });
  const describe = `delete connection ${original.source} to ${original.destination}`;
  return { type: IPCTNL_MSG_CT_DELETE, flags: 0, payload: encoder.finish(), describe };
}

const flowChangeTable = {
  timeout: flowTable.timeout,
  mark: flowTable.mark,
  /** Bits of the mark to change. By default all. */
  markMask: [21, 'be32', 'CTA_MARK_MASK'],
  labels: flowTable.labels,
  /** Bits of the labels to change, of the same length. By default all. */
  labelsMask: [23, 'raw', 'CTA_LABELS_MASK'],
} as const satisfies Table;

/** What {@link updateFlow} changes. */
export type FlowChange = Values<typeof flowChangeTable>;

/**
 * IPCTNL_MSG_CT_NEW of a connection that exists, `conntrack -U`: changes its timeout, mark or labels. ENOENT when it does
 * not exist. ENOSPC for labels when no rule used labels as the connection began.
 *
 * @throws {NetlinkEncodeError} BAD_REQUEST when the change is empty, or has a mask without its value
 */
export function updateFlow(
  flow: Pick<Flow, 'family' | 'original' | 'zone'>,
  change: FlowChange,
  order: ByteOrder = 'little',
): Request {
  const { family, original, zone } = flow;
  checkSpec('change of a connection', change, flowChangeTable);
  const { timeout, mark, markMask, labels, labelsMask } = change;
  if (mark === undefined && markMask !== undefined) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'markMask needs a mark');
  }
  if (labels === undefined && labelsMask !== undefined) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'labelsMask needs labels');
  }
  if (mark === undefined && labels === undefined && timeout === undefined) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'A change of a connection needs a mark, labels or a timeout');
  }
  checkLabels('labels', labels, 16);
  checkLabels('labelsMask', labelsMask, labels?.length);
  const encoder = nfHeader(isIPv6(family) ? 'ip6' : 'ip', order);
  writeTuple(encoder, family, original);
  writeFields(encoder, { zone: flowTable.zone }, { zone });
  // The kernel would toggle the bits of a value that its mask does not have.
  writeFields(encoder, flowChangeTable, {
    ...change,
    mark: mark === undefined || markMask === undefined ? mark : (mark & markMask) >>> 0,
    labels: labelsMask === undefined ? labels : labels?.map((byte, i) => byte & labelsMask[i]!),
  });
  const describe = `update connection ${original.source} to ${original.destination}`;
  return { type: IPCTNL_MSG_CT_NEW, flags: 0, payload: encoder.finish(), describe };
}

function checkLabels(what: string, bytes: Uint8Array | undefined, expected: number | undefined): void {
  if (bytes !== undefined && bytes.length !== expected) {
    throw new NetlinkEncodeError('BAD_VALUE', `${what} has ${bytes.length} bytes: expected ${expected}`);
  }
}

function writeTuple(encoder: Encoder, family: Family, tuple: FlowTuple): void {
  const outer = encoder.nest(CTA_TUPLE_ORIG | NLA_F_NESTED);
  const ip = encoder.nest(CTA_TUPLE_IP | NLA_F_NESTED);
  const first = family === 'ipv6' ? 3 : 1;
  const sizes = [
    encoder.address(first, tuple.source, 'Source'),
    encoder.address(first + 1, tuple.destination, 'Destination'),
  ];
  if (sizes.some((size) => size !== (family === 'ipv6' ? 16 : 4))) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${tuple.source} to ${tuple.destination} is not ${family}`);
  }
  encoder.end(ip);
  const protocol = encoder.nest(CTA_TUPLE_PROTO | NLA_F_NESTED);
  writeFields(encoder, protocolTable, tuple);
  encoder.end(protocol).end(outer);
}

/**
 * Decodes the body of an IPCTNL_MSG_CT_NEW.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeFlow(payload: Payload): Flow {
  const none: FlowTuple = { source: '', destination: '' };
  const family = nfFamilyWord(payload.bytes[payload.start]) === 'ip6' ? 'ipv6' : 'ipv4';
  const flow: Flow = { family, original: none, reply: none };
  const into = flow as unknown as Record<string, unknown>;
  const reader = attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg');
  while (reader.next()) {
    if (reader.type === CTA_TUPLE_ORIG) {
      flow.original = readTuple(reader.attributes('CTA_TUPLE_ORIG'));
    } else if (reader.type === CTA_TUPLE_REPLY) {
      flow.reply = readTuple(reader.attributes('CTA_TUPLE_REPLY'));
    } else if (reader.type === CTA_TUPLE_MASTER) {
      flow.master = readTuple(reader.attributes('CTA_TUPLE_MASTER'));
    } else if (!readField(reader, flowTable, into)) {
      keepUnknown(flow, reader);
    }
  }
  return flow;
}

function readTuple(reader: AttributeReader): FlowTuple {
  const tuple: Decoded<typeof protocolTable> & FlowTuple = { source: '', destination: '' };
  while (reader.next()) {
    if (reader.type === CTA_TUPLE_IP) {
      const ip = reader.attributes('CTA_TUPLE_IP');
      while (ip.next()) {
        if (ip.type === 1 || ip.type === 3) {
          tuple.source = ip.address('CTA_IP_SRC');
        } else if (ip.type === 2 || ip.type === 4) {
          tuple.destination = ip.address('CTA_IP_DST');
        }
      }
    } else if (reader.type === CTA_TUPLE_PROTO) {
      Object.assign(tuple, readFields(reader.attributes('CTA_TUPLE_PROTO'), protocolTable));
    }
  }
  return tuple;
}
