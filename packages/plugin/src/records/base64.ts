const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/**
 * Decodes UTF-8 text from Base64 (RFC 4648). The executable's engine has neither `atob` nor `TextDecoder`.
 *
 * @throws {URIError} when the bytes are not UTF-8
 */
export function decodeBase64(text: string): string {
  let escaped = '';
  let bits = 0;
  let count = 0;
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) {
      continue;
    }
    bits = ((bits << 6) | value) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      const byte = (bits >> count) & 0xff;
      escaped += `%${byte < 16 ? '0' : ''}${byte.toString(16)}`;
    }
  }
  return decodeURIComponent(escaped);
}
