/** Matches of ranges. Both ends belong to the range. */
import { familyOf, parseAddress } from '@cnikit/ip';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { compare, ipVersion, NETWORK_HEADER, type Not, portBytes, TRANSPORT_HEADER } from './expr-parts.ts';
import { type Expression, NFT_REG_1 } from './expression.ts';

const GREATER_OR_EQUAL = 5;
const LESS_OR_EQUAL = 3;
const OUTSIDE = 1;

function within(from: Uint8Array, to: Uint8Array, { not = false }: Not = {}): Expression[] {
  const differing = from.findIndex((byte, at) => byte !== to[at]);
  if (differing >= 0 && from[differing]! > to[differing]!) {
    throw new NetlinkEncodeError('BAD_VALUE', `A range ends before it begins: ${[...from]} to ${[...to]}`);
  }
  if (not) {
    return [{ name: 'range', sreg: NFT_REG_1, op: OUTSIDE, from, to }];
  }
  return [
    { name: 'cmp', sreg: NFT_REG_1, op: GREATER_OR_EQUAL, data: from },
    { name: 'cmp', sreg: NFT_REG_1, op: LESS_OR_EQUAL, data: to },
  ];
}

/** `ip saddr 10.0.0.1-10.0.0.9` or `ip6 saddr`; in family inet it also checks the IP version. */
export const sourceRange = (from: string, to: string, options?: Not): Expression[] =>
  addressRange(from, to, 12, 8, options);

/** `ip daddr 10.0.0.1-10.0.0.9` or `ip6 daddr`. */
export const destinationRange = (from: string, to: string, options?: Not): Expression[] =>
  addressRange(from, to, 16, 24, options);

function addressRange(
  from: string,
  to: string,
  offset4: number,
  offset6: number,
  options?: Not,
): Expression[] {
  const [first, last] = [from, to].map((text) => {
    const bytes = parseAddress(text);
    if (bytes === undefined) {
      throw new NetlinkEncodeError('BAD_ADDRESS', `${JSON.stringify(text)} is not an IP address`);
    }
    return bytes;
  }) as [Uint8Array, Uint8Array];
  if (first.length !== last.length) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${from} and ${to} are not of one IP version`);
  }
  const len = first.length;
  const offset = len === 4 ? offset4 : offset6;
  return [
    ...ipVersion(familyOf(first)),
    { name: 'payload', base: NETWORK_HEADER, offset, len, dreg: NFT_REG_1 },
    ...within(first, last, options),
  ];
}

/** `th dport 8000-8080`, after `protocol()`. */
export const destinationPortRange = (from: number, to: number, options?: Not): Expression[] => [
  { name: 'payload', base: TRANSPORT_HEADER, offset: 2, len: 2, dreg: NFT_REG_1 },
  ...within(portBytes(from), portBytes(to), options),
];

const ICMPV6 = 58;
const NFT_META_L4PROTO = 16;

/** `icmpv6 type 133-137`, or one type. Also checks the IP version and the protocol. */
export function icmpv6Type(from: number, to = from): Expression[] {
  for (const type of [from, to]) {
    if (!(Number.isInteger(type) && type >= 0 && type <= 255)) {
      throw new NetlinkEncodeError('BAD_VALUE', `${type} is not an ICMPv6 type`);
    }
  }
  return [
    ...ipVersion('ipv6'),
    { name: 'meta', key: NFT_META_L4PROTO, dreg: NFT_REG_1 },
    compare(Uint8Array.of(ICMPV6)),
    { name: 'payload', base: TRANSPORT_HEADER, offset: 0, len: 1, dreg: NFT_REG_1 },
    ...(from === to ? [compare(Uint8Array.of(from))] : within(Uint8Array.of(from), Uint8Array.of(to))),
  ];
}
