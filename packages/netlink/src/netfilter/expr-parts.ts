/** Pieces that several statements of `nft` share. */
import type { Family } from '@cnikit/ip';
import { type ByteOrder, writeU32 } from '../codec/bytes.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { encodeText, textLength } from '../codec/text.ts';
import { type Expression, NFT_REG_1 } from './expression.ts';
import { constant } from './expression-encode.ts';

const NFT_META_NFPROTO = 15;
export const LINK_HEADER = 0;
export const NETWORK_HEADER = 1;
export const TRANSPORT_HEADER = 2;
const EQUAL = 0;
const NOT_EQUAL = 1;

/** `not` inverts the match. */
export interface Not {
  not?: boolean;
}

export const compare = (data: Uint8Array, { not = false }: Not = {}): Expression => ({
  name: 'cmp',
  sreg: NFT_REG_1,
  op: not ? NOT_EQUAL : EQUAL,
  data,
});

const loadVersion = constant<Expression>({ name: 'meta', key: NFT_META_NFPROTO, dreg: NFT_REG_1 });
const versions = {
  ipv4: [loadVersion, constant(compare(Uint8Array.of(2)))],
  ipv6: [loadVersion, constant(compare(Uint8Array.of(10)))],
} as const;

/** `meta nfproto ipv4`, in family inet. */
export const ipVersion = (family: Family): Expression[] => [...versions[family]];

/** Returns a port in packet order. */
export const portBytes = (port: number): Uint8Array => {
  if (!(Number.isInteger(port) && port >= 0 && port <= 65535)) {
    throw new NetlinkEncodeError('BAD_VALUE', `${port} is not a port`);
  }
  return Uint8Array.of(port >> 8, port);
};

/** Returns four bytes in host byte order. */
export function hostNumber(value: number, order: ByteOrder): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value, order === 'little');
  return bytes;
}

/** Returns sixteen bytes, padded with zeros, or with a wildcard only the prefix. */
export function interfaceName(name: string): Uint8Array {
  const wildcard = name.endsWith('*');
  const bare = wildcard ? name.slice(0, -1) : name;
  const size = textLength(bare);
  if (size === 0 || size > 15) {
    throw new NetlinkEncodeError('TOO_LONG', `${JSON.stringify(name)} is not a valid link name`);
  }
  const bytes = new Uint8Array(wildcard ? size : 16);
  encodeText(bare, bytes, 0);
  return bytes;
}
