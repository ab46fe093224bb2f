import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { formatAddress } from '@cnikit/ip';
import { formatMac, macBytes, NetlinkEncodeError } from '@cnikit/netlink/codec';
import type { Sys } from '@cnikit/sys';
import { sha512 } from '@cnikit/sys/internal';
import { isIPv6, knownPrefix } from '../lib/prefix.ts';

export const MAC_BYTES = 6;

/** Returns a random MAC address, unicast and locally administered. */
export function randomMac(sys: Sys): string {
  return ownMac(sys.randomBytes(MAC_BYTES), 0);
}

/** Makes six bytes from that index on a MAC address, unicast and locally administered, and returns it. */
export function ownMac(bytes: Uint8Array, start: number): string {
  bytes[start] = ((bytes[start] as number) & 0xfc) | 0x02;
  return formatMac(bytes, start, start + MAC_BYTES);
}

/** First bytes of a MAC address that contains an IPv4 address: locally administered, as upstream's bridge had them once. */
const OF_IPV4 = [0x0a, 0x58];

/**
 * Returns the MAC address that follows from an address, locally administered and unicast: 0a:58 and the bytes of an IPv4
 * address, or 46 bits of the hash of an IPv6 address.
 *
 * @param address with its prefix length
 */
export function macOfAddress(address: string): string {
  const bytes = knownPrefix(address).address;
  if (!isIPv6(address)) {
    return formatMac(Uint8Array.of(...OF_IPV4, ...bytes));
  }
  const hash = sha512(formatAddress(bytes));
  const byteAt = (_: unknown, i: number) => Number.parseInt(hash.slice(2 * i, 2 * i + 2), 16);
  return ownMac(Uint8Array.from({ length: MAC_BYTES }, byteAt), 0);
}

/**
 * Checks a requested MAC address and returns it in the kernel's notation.
 *
 * @throws {CniError} 7 when the text is not a MAC address
 */
export function checkedMac(text: string): string {
  try {
    const bytes = macBytes(text.replaceAll('-', ':'), 'MAC');
    if (bytes.length === MAC_BYTES) {
      return formatMac(bytes);
    }
  } catch (error) {
    if (!(error instanceof NetlinkEncodeError)) {
      throw error;
    }
  }
  throw new CniError(
    ErrorCode.InvalidNetworkConfig,
    `Invalid MAC address ${JSON.stringify(text)}`,
    'It must be six bytes such as 02:00:5e:10:00:01',
  );
}

/** Returns the link-local address that the kernel derives from a MAC address: modified EUI-64, RFC 4291 appendix A. */
export function linkLocalAddress(mac: string): string {
  const b = macBytes(mac, 'MAC') as unknown as [number, number, number, number, number, number];
  const first = ((b[0] ^ 2) << 8) | b[1];
  // In canonical text (RFC 5952) a leading group of zeros is part of the `::`.
  const start = first === 0 ? '' : `${first.toString(16)}:`;
  const middle = `${((b[2] << 8) | 0xff).toString(16)}:${(0xfe00 | b[3]).toString(16)}`;
  return `fe80::${start}${middle}:${((b[4] << 8) | b[5]).toString(16)}`;
}
