/**
 * Finds the end of JSON values in bytes without parsing them. Accepts and rejects exactly what JSON.parse does (RFC 8259),
 * so that skipped values are validated too.
 */

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const SMALL_U = 0x75;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Lookup table: 1 for each of these bytes. */
const setOf = (text: string): Uint8Array => {
  const set = new Uint8Array(256);
  for (const byte of bytesOf(text)) {
    set[byte] = 1;
  }
  return set;
};
/** Bytes that may follow a backslash; `u` is followed by four digits. */
const ESCAPES = setOf('"\\/bfnrtu');
const HEX = setOf('0123456789abcdefABCDEF');
const WORDS = ['true', 'false', 'null'].map(bytesOf);

/** @throws {SyntaxError} for the byte at `at` */
export function malformed(at: number): never {
  throw new SyntaxError(`Not JSON at byte ${at}`);
}

/** Returns the position of the next byte that is not white space, or the end. */
export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte > SPACE || (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) {
      break;
    }
    at += 1;
  }
  return at;
}

/**
 * Returns the position after the closing quote of the string whose opening quote precedes `from`.
 *
 * @throws {SyntaxError} when the string is invalid or incomplete
 */
export function endOfString(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  let at = from;
  while (at < length) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      return at + 1;
    }
    if (byte === BACKSLASH) {
      at = endOfEscape(bytes, at + 1);
    } else if (byte < SPACE) {
      malformed(at);
    } else {
      at += 1;
    }
  }
  return malformed(at);
}

function endOfEscape(bytes: Uint8Array, at: number): number {
  if (at >= bytes.length || ESCAPES[bytes[at]!] === 0) {
    malformed(at);
  }
  if (bytes[at] !== SMALL_U) {
    return at + 1;
  }
  for (let digit = at + 1; digit <= at + 4; digit += 1) {
    if (digit >= bytes.length || HEX[bytes[digit]!] === 0) {
      malformed(digit);
    }
  }
  return at + 5;
}

/**
 * Returns the position of the value whose key starts at `from`.
 *
 * @throws {SyntaxError} when there is no key or colon
 */
export function valueOfKey(bytes: Uint8Array, from: number): number {
  if (from >= bytes.length || bytes[from] !== QUOTE) {
    malformed(from);
  }
  return afterColon(bytes, endOfString(bytes, from + 1));
}

/**
 * Returns the position of the value whose key ended before `from`.
 *
 * @throws {SyntaxError} when there is no colon
 */
export function afterColon(bytes: Uint8Array, from: number): number {
  const at = skipSpace(bytes, from);
  if (at >= bytes.length || bytes[at] !== COLON) {
    malformed(at);
  }
  return skipSpace(bytes, at + 1);
}

/**
 * Returns the position after the value that begins at `from`, at any depth.
 *
 * @throws {SyntaxError} when the value is invalid or incomplete
 */
export function endOfValue(bytes: Uint8Array, from: number): number {
  /** Stack of expected closing brackets. */
  const open: number[] = [];
  let at = from;
  for (;;) {
    const byte = at < bytes.length ? bytes[at]! : malformed(at);
    if (byte === QUOTE) {
      at = endOfString(bytes, at + 1);
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      const close = byte + 2;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== close) {
        open.push(close);
        if (byte === OPEN_BRACE) {
          at = valueOfKey(bytes, at);
        }
        continue;
      }
      at += 1;
    } else {
      at = endOfScalar(bytes, at);
    }
    // A value ended, and possibly the objects and arrays that it was the last member of.
    for (;;) {
      const close = open.at(-1);
      if (close === undefined) {
        return at;
      }
      at = skipSpace(bytes, at);
      if (bytes[at] === COMMA) {
        at = skipSpace(bytes, at + 1);
        if (close === CLOSE_BRACE) {
          at = valueOfKey(bytes, at);
        }
        break;
      }
      if (bytes[at] !== close) {
        malformed(at);
      }
      open.pop();
      at += 1;
    }
  }
}

function endOfScalar(bytes: Uint8Array, from: number): number {
  const byte = bytes[from]!;
  if (byte === MINUS || isDigit(byte)) {
    return endOfNumber(bytes, from);
  }
  const word = WORDS.find((candidate) => candidate[0] === byte);
  if (word === undefined || word.some((letter, i) => bytes[from + i] !== letter)) {
    return malformed(from);
  }
  return from + word.length;
}

function endOfNumber(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  at = bytes[at] === ZERO ? at + 1 : endOfDigits(bytes, at);
  if (bytes[at] === DOT) {
    at = endOfDigits(bytes, at + 1);
  }
  if (bytes[at] !== 0x65 && bytes[at] !== 0x45) {
    return at;
  }
  const signed = bytes[at + 1] === MINUS || bytes[at + 1] === PLUS;
  return endOfDigits(bytes, at + (signed ? 2 : 1));
}

/** Skips one or more digits. */
function endOfDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) {
    at += 1;
  }
  return at === from ? malformed(at) : at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
