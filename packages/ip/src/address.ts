import { checkBytes } from '#check-bytes';
import { writeAddress } from '#text';

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
