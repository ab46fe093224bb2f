import { NetlinkEncodeError } from './errors.ts';

const HEX = '0123456789abcdef';

/** `02:00:00:00:00:01`; link-layer addresses of any length have this form (infiniband has 20 bytes). */
export function formatMac(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    text += (i === start ? '' : ':') + HEX[byte >> 4] + HEX[byte & 15];
  }
  return text;
}

/** Bytes of `aa:bb:…`, two hexadecimal digits each; throws NetlinkEncodeError `BAD_ADDRESS`. */
export function macBytes(text: string, what: string): Uint8Array {
  const bytes = new Uint8Array((text.length + 1) / 3);
  let good = text.length > 0 && text.length % 3 === 2 && bytes.length <= 32; // MAX_ADDR_LEN
  for (let i = 0; good && i < bytes.length; i++) {
    const high = HEX.indexOf(text.charAt(3 * i).toLowerCase());
    const low = HEX.indexOf(text.charAt(3 * i + 1).toLowerCase());
    good = high >= 0 && low >= 0 && (i + 1 === bytes.length || text[3 * i + 2] === ':');
    bytes[i] = (high << 4) | low;
  }
  if (!good) throw new NetlinkEncodeError('BAD_ADDRESS', `${what} ${JSON.stringify(text)} is no MAC address`);
  return bytes;
}
