import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { formatMac, macBytes, NetlinkEncodeError } from '@cnikit/netlink/codec';
import type { Sys } from '@cnikit/sys';

/** Returns a random MAC address, unicast and locally administered. */
export function randomMac(sys: Sys): string {
  const bytes = sys.randomBytes(6);
  bytes[0] = ((bytes[0] as number) & 0xfc) | 0x02;
  return formatMac(bytes);
}

/**
 * Checks a requested MAC address and returns it in the kernel's notation.
 *
 * @throws {CniError} 7 when the text is not a MAC address
 */
export function checkedMac(text: string): string {
  try {
    const bytes = macBytes(text.replaceAll('-', ':'), 'MAC');
    if (bytes.length === 6) {
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
  const groups = [((b[0] ^ 2) << 8) | b[1], (b[2] << 8) | 0xff, 0xfe00 | b[3], (b[4] << 8) | b[5]];
  // In canonical text (RFC 5952) a leading group of zeros is part of the `::`.
  if (groups[0] === 0) {
    groups.shift();
  }
  return `fe80::${groups.map((group) => group.toString(16)).join(':')}`;
}
