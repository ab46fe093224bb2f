import { checkBytes } from '#check-bytes';
import { writeAddress } from '#write-address';

/** Address family. */
export type Family = 'ipv4' | 'ipv6';

/** Both families, IPv4 first. */
export const families: readonly Family[] = ['ipv4', 'ipv6'];

/** An address in network byte order: 4 bytes for IPv4, 16 for IPv6. */
export type AddressBytes = Uint8Array;

/** Returns the family of bytes, or of the text of a valid address or prefix. */
export function familyOf(address: string | AddressBytes): Family {
  const isIpv6 = typeof address === 'string' ? address.includes(':') : address.length === 16;
  return isIpv6 ? 'ipv6' : 'ipv4';
}

/**
 * Returns the bytes of an address, or `undefined` when the text is not one. IPv4 is four decimal numbers
 * without leading zeros, which some programs read as octal. IPv6 follows RFC 4291 section 2.2. Zones
 * (`%eth0`) are refused.
 */
export function parseAddress(text: string): AddressBytes | undefined {
  const into = new Uint8Array(text.includes(':') ? 16 : 4);
  return writeAddress(text, 0, text.length, into, 0) === into.length ? into : undefined;
}

/**
 * Returns the canonical text (RFC 5952) of the 4 or 16 bytes at `start`: lower case, the longest run of two
 * or more zero groups as `::`, IPv4-mapped addresses with a dotted tail (`::ffff:192.0.2.1`).
 *
 * @throws {TypeError} for anything but 4 or 16 bytes, such as text
 */
export function formatAddress(bytes: AddressBytes, start = 0, length = bytes.length - start): string {
  checkBytes(bytes, length);
  return length === 4 ? formatIpv4(bytes, start) : formatIpv6(bytes, start);
}

function formatIpv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]!}.${bytes[at + 1]!}.${bytes[at + 2]!}.${bytes[at + 3]!}`;
}

const group = (bytes: Uint8Array, at: number, i: number): number =>
  (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!;

function formatIpv6(bytes: Uint8Array, at: number): string {
  let runStart = -1;
  let runLength = 1; // A single zero group is not shortened (RFC 5952, 4.2.2).
  for (let i = 0; i < 8; i++) {
    if (group(bytes, at, i) !== 0) {
      continue;
    }
    let end = i + 1;
    while (end < 8 && group(bytes, at, end) === 0) {
      end++;
    }
    if (end - i > runLength) {
      runStart = i;
      runLength = end - i;
    }
    i = end;
  }
  if (runStart === 0 && runLength === 5 && group(bytes, at, 5) === 0xffff) {
    return `::ffff:${formatIpv4(bytes, at + 12)}`;
  }
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === runStart) {
      text += '::';
      i += runLength - 1;
    } else {
      if (i > 0 && i !== runStart + runLength) {
        text += ':';
      }
      text += group(bytes, at, i).toString(16);
    }
  }
  return text;
}

/** Returns true for an IPv4-mapped IPv6 address, `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
export function isMapped(bytes: AddressBytes): boolean {
  checkBytes(bytes);
  if (bytes.length !== 16 || bytes[10] !== 255 || bytes[11] !== 255) {
    return false;
  }
  for (let i = 0; i < 10; i++) {
    if (bytes[i] !== 0) {
      return false;
    }
  }
  return true;
}

/**
 * Returns the 4 bytes of an IPv4-mapped IPv6 address, and any other address unchanged, as Go's `net.IP` does.
 */
export function unmap(bytes: AddressBytes): AddressBytes {
  return isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** Orders addresses for `sort()`: IPv4 before IPv6, then by value. */
export function compareAddresses(a: AddressBytes, b: AddressBytes): number {
  checkBytes(a);
  checkBytes(b);
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
