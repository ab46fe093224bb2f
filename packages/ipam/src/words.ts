import { type AddressBytes, formatAddress, writeAddress } from '@cnikit/ip';

/** An address as in address.ts. */
type Words = readonly number[];

/** Holds the bytes of one conversion, so that none of them allocates. */
const scratch = new Uint8Array(16);

function wordAt(bytes: AddressBytes, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Returns the words of the first 4 or 16 bytes. */
export function readWords(bytes: AddressBytes, length: number): Words {
  return length === 4
    ? [wordAt(bytes, 0)]
    : [wordAt(bytes, 0), wordAt(bytes, 4), wordAt(bytes, 8), wordAt(bytes, 12)];
}

/**
 * Returns an address, an IPv4-mapped IPv6 address as IPv4, or `undefined` when the text is not an address.
 */
export function parseWords(text: string): Words | undefined {
  const length = writeAddress(text, 0, text.length, scratch, 0);
  if (length === 0) {
    return undefined;
  }
  const words = readWords(scratch, length);
  return words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff ? [words[3]!] : words;
}

/** Formats an address in dotted decimal, or as RFC 5952 requires. */
export function formatWords(words: Words): string {
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    scratch[4 * i] = word >>> 24;
    scratch[4 * i + 1] = word >>> 16;
    scratch[4 * i + 2] = word >>> 8;
    scratch[4 * i + 3] = word;
  }
  return formatAddress(scratch, 0, words.length * 4);
}

/** Returns -1, 0 or 1 for `a` below, equal to or above `b`. IPv4 is below IPv6. */
export function compareWords(a: Words, b: Words): number {
  if (a.length !== b.length) {
    return a.length < b.length ? -1 : 1;
  }
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) {
      return a[i]! < b[i]! ? -1 : 1;
    }
  }
  return 0;
}

/** Returns the next (1) or previous (-1) address. Wraps at the ends of the family. */
export function wordsBeside(address: Words, step: 1 | -1): Words {
  const words = [...address];
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

/** Returns an address with all bits after the prefix clear or set. */
export function withHostBits(address: Words, prefix: number, bits: boolean): Words {
  return address.map((word, i) => {
    const mask = maskWord(prefix, i);
    return (bits ? word | ~mask : word & mask) >>> 0;
  });
}
