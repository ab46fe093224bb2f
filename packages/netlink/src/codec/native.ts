/**
 * Functions that the static executable has in C. They neither import nor throw, so that both forms are alike: a byte
 * outside of an array is ignored when written and 0 when read. The caller checks the bounds.
 */

/** Size of `struct nlmsghdr`. */
const HEADER = 16;
/** MAX_ADDR_LEN (linux/netdevice.h). */
const MAX_ADDR_LEN = 32;
const HEX = '0123456789abcdef';

export function readU16(bytes: Uint8Array, at: number, little: boolean): number {
  return little ? bytes[at]! | (bytes[at + 1]! << 8) : (bytes[at]! << 8) | bytes[at + 1]!;
}

export function readI32(bytes: Uint8Array, at: number, little: boolean): number {
  return little
    ? bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    : (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function writeU16(bytes: Uint8Array, at: number, value: number, little: boolean): void {
  bytes[little ? at : at + 1] = value;
  bytes[little ? at + 1 : at] = value >>> 8;
}

export function writeU32(bytes: Uint8Array, at: number, value: number, little: boolean): void {
  if (little) {
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  } else {
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }
}

/** Writes the header of an attribute of `length` bytes, with the header, and zeroes its padding. */
export function writeHeader(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  little: boolean,
): void {
  writeU16(bytes, at, length, little);
  writeU16(bytes, at + 2, type, little);
  for (let pad = length; (pad & 3) !== 0; pad++) {
    bytes[at + pad] = 0;
  }
}

/** Writes a message at `at` and returns the position after it. The buffer must have room; padding is not cleared. */
export function writeMessage(
  into: Uint8Array,
  at: number,
  type: number,
  flags: number,
  sequence: number,
  port: number,
  body: Uint8Array,
  little: boolean,
): number {
  const length = HEADER + body.length;
  writeU32(into, at, length, little);
  writeU16(into, at + 4, type, little);
  writeU16(into, at + 6, flags, little);
  writeU32(into, at + 8, sequence, little);
  writeU32(into, at + 12, port, little);
  into.set(body, at + HEADER);
  return at + ((length + 3) & ~3);
}

/**
 * Returns `head` in network byte order and attributes in little endian, or `undefined` when `nfBody()` must encode
 * them without this function: always here.
 */
export function encodeAttributes(_head: number, _attributes: readonly unknown[]): Uint8Array | undefined {
  return undefined;
}

/**
 * Returns the position of an attribute in `bytes[start, end)`, which are in little endian, or -1 if there is none before an
 * invalid one. The path has the types of the attributes that it is in, each the first of its type, and its own.
 */
export function findAttribute(
  bytes: Uint8Array,
  start: number,
  end: number,
  path: readonly number[],
): number {
  let found = -1;
  let at = start;
  let last = end;
  for (const type of path) {
    found = -1;
    while (found < 0 && last - at >= 4) {
      const length = readU16(bytes, at, true);
      if (length < 4 || length > last - at) {
        break;
      }
      if ((readU16(bytes, at + 2, true) & 0x3fff) === type) {
        found = at;
        last = at + length;
        at += 4;
      } else {
        at += (length + 3) & ~3;
      }
    }
    if (found < 0) {
      break;
    }
  }
  return found;
}

/**
 * Returns the type of the message that a datagram of `length` bytes consists of; -1 when it is not exactly one, and from
 * that port in the conversation with that number.
 */
export function answerType(bytes: Uint8Array, length: number, sequence: number, port: number): number {
  return length >= HEADER &&
    length <= bytes.length &&
    readI32(bytes, 0, true) === length &&
    readI32(bytes, 8, true) === (sequence | 0) &&
    readI32(bytes, 12, true) === (port | 0)
    ? readU16(bytes, 4, true)
    : -1;
}

/** Returns the length of text that has ASCII characters only and no NUL. Other text, and any here, gives -1. */
export function plainLength(_text: string): number {
  return -1;
}

/** Writes text that `plainLength()` has accepted. */
export function writePlain(text: string, into: Uint8Array, at: number): void {
  for (let i = 0; i < text.length; i++) {
    into[at + i] = text.charCodeAt(i);
  }
}

/** Returns the ASCII text at the start of `bytes[start, end)`, up to the first other byte or NUL. */
export function readPlain(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (!(byte > 0 && byte < 0x80)) {
      break;
    }
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Writes the bytes of `aa:bb:…` and returns their number, or 0 when the text is not a MAC address. */
export function writeMac(text: string, into: Uint8Array, at: number): number {
  const count = (text.length + 1) / 3;
  if (text.length === 0 || text.length % 3 !== 2 || count > MAX_ADDR_LEN) {
    return 0;
  }
  for (let i = 0; i < count; i++) {
    const byte = (hexDigit(text.charCodeAt(3 * i)) << 4) | hexDigit(text.charCodeAt(3 * i + 1));
    if (byte < 0 || (i > 0 && text[3 * i - 1] !== ':')) {
      return 0;
    }
    into[at + i] = byte;
  }
  return count;
}

/** Returns the value of a hexadecimal digit by its character code, or -1 for any other character. */
function hexDigit(char: number): number {
  if (char >= 0x30 && char <= 0x39) {
    return char - 0x30;
  }
  const lower = char | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Returns `02:00:00:00:00:01` for `bytes[start, end)`. */
export function formatMac(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    text += (i === start ? '' : ':') + HEX[byte >> 4] + HEX[byte & 15];
  }
  return text;
}
