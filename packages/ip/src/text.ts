import { checkBytes } from '#check-bytes';

/**
 * Writes the bytes of the address `text[from, to)` to `into`, starting at `at`, and allocates nothing.
 * Returns their number, 4 or 16, or 0 when the text is not an address. `into` must have room for 16 bytes.
 */
export function writeAddress(text: string, from: number, to: number, into: Uint8Array, at: number): number {
  for (let i = from; i < to && i < from + 5; i++) {
    if (text.charCodeAt(i) === COLON) {
      return writeIpv6(text, from, to, into, at) ? 16 : 0;
    }
  }
  return writeIpv4(text, from, to, into, at) ? 4 : 0;
}

const DOT = 0x2e;
const COLON = 0x3a;

function writeIpv4(text: string, from: number, to: number, into: Uint8Array, at: number): boolean {
  let value = -1;
  let octets = 0;
  for (let i = from; i <= to; i++) {
    const char = i === to ? DOT : text.charCodeAt(i);
    if (char === DOT) {
      if (value < 0 || octets === 4) {
        return false;
      }
      into[at + octets++] = value;
      value = -1;
    } else {
      if (char < 0x30 || char > 0x39 || value === 0) {
        return false;
      }
      value = value < 0 ? char - 0x30 : value * 10 + char - 0x30;
      if (value > 255) {
        return false;
      }
    }
  }
  return octets === 4;
}

function writeIpv6(text: string, from: number, to: number, into: Uint8Array, at: number): boolean {
  let written = 0;
  let gap = -1;
  let i = from;
  if (text.charCodeAt(i) === COLON) {
    if (text.charCodeAt(i + 1) !== COLON || i + 1 >= to) {
      return false;
    }
    gap = 0;
    i += 2;
  }
  while (i < to) {
    const start = i;
    let value = 0;
    let char = 0;
    for (; i < to; i++) {
      char = text.charCodeAt(i);
      const digit = hexDigit(char);
      if (digit < 0) {
        break;
      }
      value = (value << 4) | digit;
    }
    if (i < to && char === DOT) {
      if (written > 12 || !writeIpv4(text, start, to, into, at + written)) {
        return false;
      }
      written += 4;
      break;
    }
    if (i === start || i - start > 4 || written > 14) {
      return false;
    }
    into[at + written++] = value >> 8;
    into[at + written++] = value;
    if (i === to) {
      break;
    }
    if (char !== COLON || ++i === to) {
      return false;
    }
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) {
        return false;
      }
      gap = written;
      i++;
    }
  }
  if (gap < 0) {
    return written === 16;
  }
  // "::" stands for at least one group.
  if (written > 14) {
    return false;
  }
  into.copyWithin(at + 16 - (written - gap), at + gap, at + written);
  into.fill(0, at + gap, at + 16 - (written - gap));
  return true;
}

/** Returns the value of a hexadecimal digit, or -1 for any other character. */
function hexDigit(char: number): number {
  if (char >= 0x30 && char <= 0x39) {
    return char - 0x30;
  }
  const lower = char | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/**
 * Writes the address of a prefix such as `10.244.1.7/24` to the start of `into`, which has 17 bytes, and the length to the last
 * of them. Returns the number of bytes of the address, or 0 when the text is not a prefix. An address alone has the length
 * 32 or 128.
 *
 * @param leadingZeros accepts leading zeros in the length
 */
export function writePrefix(text: string, leadingZeros: boolean, into: Uint8Array): number {
  const slash = text.indexOf('/');
  const size = writeAddress(text, 0, slash < 0 ? text.length : slash, into, 0);
  const length = slash < 0 ? size * 8 : parseLength(text, slash + 1, leadingZeros);
  if (length < 0 || length > size * 8) {
    return 0;
  }
  into[16] = length;
  return size;
}

/** Returns the decimal number of one to three digits that ends `text`, or -1 when there is none at `from`. */
function parseLength(text: string, from: number, leadingZeros: boolean): number {
  const digits = text.length - from;
  if (digits < 1 || digits > 3 || (!leadingZeros && digits > 1 && text.charCodeAt(from) === 0x30)) {
    return -1;
  }
  let value = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) {
      return -1;
    }
    value = value * 10 + digit;
  }
  return value;
}

/**
 * Returns the canonical text (RFC 5952) of the 4 or 16 bytes at `start`: lower case, the longest run of two
 * or more zero groups as `::`, IPv4-mapped addresses with a dotted tail (`::ffff:192.0.2.1`).
 *
 * @throws {TypeError} for anything but 4 or 16 bytes, such as text
 */
export function formatAddress(bytes: Uint8Array, start = 0, length = bytes.length - start): string {
  checkBytes(bytes, length);
  return length === 4 ? formatIpv4(bytes, start) : formatIpv6(bytes, start);
}

function formatIpv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]!}.${bytes[at + 1]!}.${bytes[at + 2]!}.${bytes[at + 3]!}`;
}

const group = (bytes: Uint8Array, at: number, i: number): number =>
  (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!;

function formatIpv6(bytes: Uint8Array, at: number): string {
  let runStart = -1;
  let runLength = 1; // A single zero group is not shortened (RFC 5952, 4.2.2).
  for (let i = 0; i < 8; i++) {
    if (group(bytes, at, i) !== 0) {
      continue;
    }
    let end = i + 1;
    while (end < 8 && group(bytes, at, end) === 0) {
      end++;
    }
    if (end - i > runLength) {
      runStart = i;
      runLength = end - i;
    }
    i = end;
  }
  if (runStart === 0 && runLength === 5 && group(bytes, at, 5) === 0xffff) {
    return `::ffff:${formatIpv4(bytes, at + 12)}`;
  }
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === runStart) {
      text += '::';
      i += runLength - 1;
    } else {
      if (i > 0 && i !== runStart + runLength) {
        text += ':';
      }
      text += group(bytes, at, i).toString(16);
    }
  }
  return text;
}
