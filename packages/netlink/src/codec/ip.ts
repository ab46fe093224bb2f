/** IP addresses and prefixes, text to bytes and back. Text out is canonical: RFC 5952 for IPv6. */
import { NetlinkEncodeError } from './errors.ts';

/** Address family as its word. */
export type Family = 'ipv4' | 'ipv6';

/** Bytes in network order: 4 or 16. */
export type AddressBytes = Uint8Array;

/** `undefined` when the text is no address. Four decimal numbers without leading zeros, or RFC 4291 section 2.2. */
export function parseAddress(text: string): AddressBytes | undefined {
  const into = new Uint8Array(text.includes(':') ? 16 : 4);
  return writeAddress(text, 0, text.length, into, 0) === into.length ? into : undefined;
}

/** Writes the address that `text[from, to)` is at `at` of `into`. Gives 4 or 16, or 0 when it is none. */
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
  if (written > 14) {
    return false; // "::" stands for one group at least
  }
  into.copyWithin(at + 16 - (written - gap), at + gap, at + written);
  into.fill(0, at + gap, at + 16 - (written - gap));
  return true;
}

/** The value of a hexadecimal digit by its character code; -1 when it is none. */
export function hexDigit(char: number): number {
  if (char >= 0x30 && char <= 0x39) {
    return char - 0x30;
  }
  const lower = char | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Text of the 4 or 16 bytes at `start`. Canonical: lower case, longest run of zero groups as `::`, mapped IPv4 dotted. */
export function formatAddress(bytes: Uint8Array, start = 0, length = bytes.length - start): string {
  return length === 4 ? formatIpv4(bytes, start) : formatIpv6(bytes, start);
}

function formatIpv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]!}.${bytes[at + 1]!}.${bytes[at + 2]!}.${bytes[at + 3]!}`;
}

const group = (bytes: Uint8Array, at: number, i: number): number =>
  (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!;

function formatIpv6(bytes: Uint8Array, at: number): string {
  let runStart = -1;
  let runLength = 1; // a single zero group is not shortened (RFC 5952, 4.2.2)
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

/** A prefix in bytes. */
export interface Prefix {
  /** 4 or 16. */
  address: AddressBytes;
  /** Bits. */
  length: number;
}

/**
 * `10.0.0.0/24`, or an address alone, which is its own /32 or /128. Host bits are
 * kept: `ip address` needs them and the kernel refuses them in a route.
 */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) {
    return undefined;
  }
  const length = slash < 0 ? address.length * 8 : prefixLength(text, slash + 1);
  return length < 0 || length > address.length * 8 ? undefined : { address, length };
}

/** The decimal number at the end of `text` from `at`; -1 when it is none of at most three digits. */
export function prefixLength(text: string, at: number): number {
  const digits = text.length - at;
  if (digits < 1 || digits > 3 || (digits > 1 && text.charCodeAt(at) === 0x30)) {
    return -1;
  }
  let value = 0;
  for (let i = at; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) {
      return -1;
    }
    value = value * 10 + digit;
  }
  return value;
}

/** As `parseAddress`; throws NetlinkEncodeError `BAD_ADDRESS`. Bytes pass through when there are 4 or 16. */
export function addressBytes(address: string | AddressBytes, what: string): AddressBytes {
  const bytes = typeof address === 'string' ? parseAddress(address) : address;
  if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16)) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${what} ${JSON.stringify(address)} is no IP address`);
  }
  return bytes;
}
