import { formatMac as format, writeMac } from '#native';
import { NetlinkEncodeError } from './errors.ts';

/** Returns `02:00:00:00:00:01`. Link-layer addresses of any length have this form (InfiniBand has 20 bytes). */
export function formatMac(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return format(bytes, start, end);
}

/**
 * Returns the bytes of `aa:bb:…`, two hexadecimal digits each.
 *
 * @throws {NetlinkEncodeError} BAD_ADDRESS when the text is not a MAC address
 */
export function macBytes(text: string, what: string): Uint8Array {
  const bytes = new Uint8Array((text.length + 1) / 3);
  if (writeMac(text, bytes, 0) === 0) {
    refuseMac(text, what);
  }
  return bytes;
}

export function refuseMac(text: string, what: string): never {
  throw new NetlinkEncodeError('BAD_ADDRESS', `${what} ${JSON.stringify(text)} is not a MAC address`);
}
