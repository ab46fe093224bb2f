/** Finds the entries of connection tracking that concern some addresses, without decoding the others. */
import { parseAddress } from '@cnikit/ip';
import type { Payload } from '../codec/bytes.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import type { Flow } from './flow.ts';
import { NFGENMSG_SIZE } from './nf-message.ts';

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_TUPLE_IP = 1;

/** Returns true for each entry that has one of the addresses in either direction, and for a few others. */
export function mayInvolve(addresses: Iterable<string>): (payload: Payload) => boolean {
  const hashes = new Set<number>();
  for (const address of addresses) {
    const bytes = parseAddress(address);
    if (bytes !== undefined) {
      hashes.add(hash(bytes, 0, bytes.length));
    }
  }
  return (payload) => {
    const reader = attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg');
    while (reader.next()) {
      const isTuple = reader.type === CTA_TUPLE_ORIG || reader.type === CTA_TUPLE_REPLY;
      if (isTuple && hasAddress(reader.attributes('CTA_TUPLE'), hashes)) {
        return true;
      }
    }
    return false;
  };
}

function hasAddress(tuple: AttributeReader, hashes: ReadonlySet<number>): boolean {
  while (tuple.next()) {
    if (tuple.type === CTA_TUPLE_IP) {
      const ip = tuple.attributes('CTA_TUPLE_IP');
      while (ip.next()) {
        if (hashes.has(hash(ip.bytes, ip.start, ip.end))) {
          return true;
        }
      }
    }
  }
  return false;
}

/** Combines the 32-bit words of an address. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let word = 0;
  for (let at = start; at + 3 < end; at += 4) {
    word ^= (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
  return word;
}

/** Returns whether a connection has one of the addresses in either direction. */
export const involves = ({ original, reply }: Flow, addresses: ReadonlySet<string>): boolean =>
  addresses.has(original.source) ||
  addresses.has(original.destination) ||
  addresses.has(reply.source) ||
  addresses.has(reply.destination);
