/** Base64 (RFC 4648) without functions of the host. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Returns `bytes[start, end)` as base64 with padding. */
export function toBase64(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = '';
  for (let at = start; at < end; at += 3) {
    const left = end - at;
    const bits =
      (bytes[at]! << 16) | ((left > 1 ? bytes[at + 1]! : 0) << 8) | (left > 2 ? bytes[at + 2]! : 0);
    text += ALPHABET[bits >> 18]! + ALPHABET[(bits >> 12) & 63]!;
    text += left > 1 ? ALPHABET[(bits >> 6) & 63]! : '=';
    text += left > 2 ? ALPHABET[bits & 63]! : '=';
  }
  return text;
}

/** Returns the bytes of canonical base64 with padding, or `undefined` for any other text. */
export function fromBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/={1,2}$/, '');
  const bytes = new Uint8Array((digits.length * 6) >> 3);
  let bits = 0;
  let at = 0;
  for (let i = 0; i < digits.length; i++) {
    const value = ALPHABET.indexOf(digits[i]!);
    if (value < 0) {
      return undefined;
    }
    bits = ((bits << 6) | value) & 0xffffff;
    // Every digit but the first of four completes a byte.
    if ((i & 3) !== 0) {
      bytes[at++] = bits >> (6 - 2 * (i & 3));
    }
  }
  // Rejects wrong padding, and bits that are set after the last byte.
  return toBase64(bytes) === text ? bytes : undefined;
}
