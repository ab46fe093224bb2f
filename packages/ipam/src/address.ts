import { writePrefix } from '@cnikit/ip';
import { compareWords, formatWords, parseWords, readWords, withHostBits, wordsBeside } from '#native';

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

export {
  /** Returns -1, 0 or 1 for the first address below, equal to or above the second one. IPv4 is below IPv6. */
  compareWords as compareAddresses,
  /** Formats an address in dotted decimal, or as RFC 5952 requires. */
  formatWords as formatAddress,
  /** Returns an address, an IPv4-mapped IPv6 address as IPv4, or `undefined` when the text is not an address. */
  parseWords as parseAddress,
  /** Returns the next (1) or previous (-1) address. Wraps at the ends of the family. */
  wordsBeside as addressBeside,
};

/** Holds the bytes of one conversion, so that none of them allocates. */
const scratch = new Uint8Array(17);

/**
 * Returns `address/prefix` with its host bits kept, `'mapped'` for an IPv4-mapped address, or `undefined`
 * when the text is not a subnet.
 */
export function parseSubnet(text: string): Subnet | 'mapped' | undefined {
  const length = text.includes('/') ? writePrefix(text, true, scratch) : 0;
  if (length === 0) {
    return undefined;
  }
  const address = readWords(scratch, length);
  return length === 16 && address[0] === 0 && address[1] === 0 && address[2] === 0xffff
    ? 'mapped'
    : { address, prefix: scratch[16]! };
}

/** Formats `address/prefix`. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatWords(subnet.address)}/${subnet.prefix}`;
}

/** Returns the first address of a subnet, with all host bits clear. */
export function firstOf({ address, prefix }: Subnet): Address {
  return withHostBits(address, prefix, false);
}

/** Returns the last address of a subnet, with all host bits set. */
export function lastOf({ address, prefix }: Subnet): Address {
  return withHostBits(address, prefix, true);
}

/** Counts the addresses from `start` to `end`, both included. Inexact above 2^53. */
export function distance(start: Address, end: Address): number {
  let sum = 0;
  for (let i = 0; i < start.length; i++) {
    sum = sum * 2 ** 32 + (end[i]! - start[i]!);
  }
  return sum + 1;
}
