import { type AddressBytes, formatAddress as formatBytes, writeAddress, writePrefix } from '@cnikit/ip';

/**
 * An IP address as unsigned 32-bit words in network order: one for IPv4, four for IPv6. Ranges count and
 * compare addresses, which costs less by words than by bytes.
 */
export type Address = readonly number[];

/** A network: address and prefix length. `address` may have host bits set. */
export interface Subnet {
  address: Address;
  prefix: number;
}

/** Holds the bytes of one conversion, so that none of them allocates. */
const scratch = new Uint8Array(17);

function wordAt(bytes: AddressBytes, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function wordsOf(bytes: AddressBytes, length: number): Address {
  return length === 4
    ? [wordAt(bytes, 0)]
    : [wordAt(bytes, 0), wordAt(bytes, 4), wordAt(bytes, 8), wordAt(bytes, 12)];
}

/** Returns true for an IPv4-mapped IPv6 address. */
function isMapped(words: Address): boolean {
  return words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

/**
 * Returns an address, an IPv4-mapped IPv6 address as IPv4, or `undefined` when the text is not an address.
 */
export function parseAddress(text: string): Address | undefined {
  const length = writeAddress(text, 0, text.length, scratch, 0);
  if (length === 0) {
    return undefined;
  }
  const words = wordsOf(scratch, length);
  return isMapped(words) ? [words[3]!] : words;
}

/**
 * Returns `address/prefix` with its host bits kept, `'mapped'` for an IPv4-mapped address, or `undefined`
 * when the text is not a subnet.
 */
export function parseSubnet(text: string): Subnet | 'mapped' | undefined {
  const length = text.includes('/') ? writePrefix(text, true, scratch) : 0;
  if (length === 0) {
    return undefined;
  }
  const address = wordsOf(scratch, length);
  return isMapped(address) ? 'mapped' : { address, prefix: scratch[16]! };
}

/** Formats an address in dotted decimal, or as RFC 5952 requires. */
export function formatAddress(address: Address): string {
  for (let i = 0; i < address.length; i++) {
    const word = address[i]!;
    scratch[4 * i] = word >>> 24;
    scratch[4 * i + 1] = word >>> 16;
    scratch[4 * i + 2] = word >>> 8;
    scratch[4 * i + 3] = word;
  }
  return formatBytes(scratch, 0, address.length * 4);
}

/** Formats `address/prefix`. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.address)}/${subnet.prefix}`;
}

/**
 * Returns a negative number, 0 or a positive one for `a` below, equal to or above `b`. IPv4 is below IPv6.
 */
export function compareAddresses(a: Address, b: Address): number {
  if (a.length !== b.length) {
    return a.length - b.length;
  }
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) {
      return a[i]! - b[i]!;
    }
  }
  return 0;
}

/** Returns the next (1) or previous (-1) address. Wraps at the ends of the family. */
export function addressBeside(address: Address, step: 1 | -1): Address {
  const words = address.length === 1 ? [address[0]!] : [address[0]!, address[1]!, address[2]!, address[3]!];
  for (let i = words.length - 1; i >= 0; i--) {
    const sum = words[i]! + step;
    words[i] = sum >>> 0;
    if (sum >= 0 && sum <= 0xffffffff) {
      break;
    }
  }
  return words;
}

/** Returns the network mask of the word at `index` for a prefix length. */
function maskWord(prefix: number, index: number): number {
  const bits = prefix - index * 32;
  if (bits <= 0) {
    return 0;
  }
  return bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
}

/** Returns true when the address is not the first one of its subnet. */
export function hasHostBits({ address, prefix }: Subnet): boolean {
  for (let i = 0; i < address.length; i++) {
    if ((address[i]! & ~maskWord(prefix, i)) !== 0) {
      return true;
    }
  }
  return false;
}

/** Returns the first address of a subnet, with all host bits clear. */
export function firstOf({ address, prefix }: Subnet): Address {
  return address.map((word, i) => (word & maskWord(prefix, i)) >>> 0);
}

/** Returns the last address of a subnet, with all host bits set. */
export function lastOf({ address, prefix }: Subnet): Address {
  const words: number[] = [];
  for (let i = 0; i < address.length; i++) {
    words[i] = (address[i]! | ~maskWord(prefix, i)) >>> 0;
  }
  return words;
}

/** Counts the addresses from `start` to `end`, both included. Inexact above 2^53. */
export function distance(start: Address, end: Address): number {
  let sum = 0;
  for (let i = 0; i < start.length; i++) {
    sum = sum * 2 ** 32 + (end[i]! - start[i]!);
  }
  return sum + 1;
}
