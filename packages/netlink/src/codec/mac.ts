import { NetlinkEncodeError } from './errors.ts';

const HEX = '0123456789abcdef';

/** Returns `02:00:00:00:00:01`. Link-layer addresses of any length have this form (InfiniBand has 20 bytes). */
export function formatMac(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    text += (i === start ? '' : ':') + HEX[byte >> 4] + HEX[byte & 15];
  }
  return text;
}

/**
 * Returns the bytes of `aa:bb:…`, two hexadecimal digits each.
 *
 * @throws {NetlinkEncodeError} BAD_ADDRESS when the text is not a MAC address
 */
export function macBytes(text: string, what: string): Uint8Array {
  const bytes = new Uint8Array((text.length + 1) / 3);
  let good = text.length > 0 && text.length % 3 === 2 && bytes.length <= 32; // MAX_ADDR_LEN
  for (let i = 0; good && i < bytes.length; i++) {
    const at = 3 * i;
    const byte = (hexDigit(text.charCodeAt(at)) << 4) | hexDigit(text.charCodeAt(at + 1));
    good = byte >= 0 && (i === 0 || text[at - 1] === ':');
    bytes[i] = byte;
  }
  if (!good) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${what} ${JSON.stringify(text)} is not a MAC address`);
  }
  return bytes;
}

/** Returns the value of a hexadecimal digit by its character code, or -1 for any other character. */
function hexDigit(char: number): number {
  if (char >= 0x30 && char <= 0x39) {
    return char - 0x30;
  }
  const lower = char | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
