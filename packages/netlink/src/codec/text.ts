import { plainLength, readPlain, writePlain } from '#native';

/**
 * UTF-8 for names, without the runtime's help (QuickJS has no TextDecoder).
 *
 * The kernel accepts any bytes as an interface name or alias. A byte that is not UTF-8 becomes the lone surrogate
 * U+DC00 + byte and is encoded as that byte again, so every name survives a round trip.
 */

/** Returns the text of `bytes[start, end)`, up to the first NUL. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  let text = readPlain(bytes, start, end);
  for (let at = start + text.length; at < end; ) {
    const first = bytes[at]!;
    if (first === 0) {
      break;
    }
    if (first < 0x80) {
      text += String.fromCharCode(first);
      at++;
      continue;
    }
    const size = sequenceLength(bytes, at, end);
    text += String.fromCodePoint(size === 1 ? 0xdc00 + first : codePoint(bytes, at, size));
    at += size;
  }
  return text;
}

/** Returns the length of the well-formed sequence at `at`, or 1 when it is malformed (RFC 3629, section 4). */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + size > end) {
    return 1;
  }
  for (let i = 1; i < size; i++) {
    if ((bytes[at + i]! & 0xc0) !== 0x80) {
      return 1;
    }
  }
  const code = codePoint(bytes, at, size);
  const least = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000;
  return code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 1 : size;
}

function codePoint(bytes: Uint8Array, at: number, size: number): number {
  let code = bytes[at]! & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) {
    code = (code << 6) | (bytes[at + i]! & 0x3f);
  }
  return code;
}

/** Returns the encoded size of `text`, without a NUL. */
export function textLength(text: string): number {
  const plain = plainLength(text);
  if (plain >= 0) {
    return plain;
  }
  let size = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i)!;
    if (code > 0xffff) {
      i++;
    }
    size += code < 0x80 || isEscapedByte(code) ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return size;
}

/** Names that are kept encoded. */
const MAX_NAMES = 128;
const encoded = new Map<string, Uint8Array>();

/**
 * Returns the bytes of a name and a NUL. Do not change them: recent names are cached, because the messages of a
 * transaction repeat a few names and QuickJS encodes a name thirty times slower than it copies one.
 */
export function nameBytes(name: string): Uint8Array {
  let bytes = encoded.get(name);
  if (bytes === undefined) {
    bytes = new Uint8Array(textLength(name) + 1);
    encodeText(name, bytes, 0);
    if (encoded.size >= MAX_NAMES) {
      encoded.clear();
    }
    encoded.set(name, bytes);
  }
  return bytes;
}

/** Writes `text` at `at` and returns the position after it. `textLength()` returns the room that it needs. */
export function encodeText(text: string, into: Uint8Array, at: number): number {
  const plain = plainLength(text);
  if (plain >= 0) {
    writePlain(text, into, at);
    return at + plain;
  }
  let to = at;
  // Reading a string's length is slow in QuickJS. Most text is ASCII.
  for (let i = 0, end = text.length; i < end; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      into[to++] = unit;
      continue;
    }
    const code = text.codePointAt(i)!;
    if (code > 0xffff) {
      i++;
    }
    if (isEscapedByte(code)) {
      into[to++] = code; // the low byte, which is what was escaped
    } else if (code < 0x800) {
      into[to++] = 0xc0 | (code >> 6);
      into[to++] = 0x80 | (code & 0x3f);
    } else {
      if (code < 0x10000) {
        into[to++] = 0xe0 | (code >> 12);
      } else {
        into[to++] = 0xf0 | (code >> 18);
        into[to++] = 0x80 | ((code >> 12) & 0x3f);
      }
      into[to++] = 0x80 | ((code >> 6) & 0x3f);
      into[to++] = 0x80 | (code & 0x3f);
    }
  }
  return to;
}

const isEscapedByte = (code: number): boolean => code >= 0xdc80 && code <= 0xdcff;
