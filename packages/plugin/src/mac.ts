import type { Sys } from '@cnikit/sys';

/** A random MAC address, unicast and locally administered. */
export function randomMac(sys: Sys): string {
  const bytes = sys.randomBytes(6);
  bytes[0] = ((bytes[0] as number) & 0xfc) | 0x02;
  let text = '';
  for (const byte of bytes) text += (text === '' ? '' : ':') + (byte < 16 ? '0' : '') + byte.toString(16);
  return text;
}

/** The link-local address the kernel would make of a MAC address: modified EUI-64, RFC 4291 appendix A. */
export function linkLocalAddress(mac: string): string {
  const b = mac.split(':').map((byte) => Number.parseInt(byte, 16)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const groups = [((b[0] ^ 2) << 8) | b[1], (b[2] << 8) | 0xff, 0xfe00 | b[3], (b[4] << 8) | b[5]];
  // Canonical text (RFC 5952): a leading group of zeros is part of the `::`.
  if (groups[0] === 0) groups.shift();
  return `fe80::${groups.map((group) => group.toString(16)).join(':')}`;
}
