/**
 * An IP address as unsigned 32-bit words in network order: one for IPv4, four for IPv6. One code path
 * serves both families, and text, which is what costs, is read and written by words.
 */
export type Address = readonly number[];

/** A network: address and prefix length. `address` may have host bits set. */
export interface Subnet {
  address: Address;
  prefix: number;
}

const DIGIT_0 = 48;
const LETTER_A = 97;

/** The number at text[from..to), decimal without leading zeros, 0-255; -1 if it is none. */
function octet(text: string, from: number, to: number): number {
  const length = to - from;
  if (length < 1 || length > 3) {
    return -1;
  }
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - DIGIT_0;
    if (digit < 0 || digit > 9) {
      return -1;
    }
    value = value * 10 + digit;
  }
  // A leading zero reads as octal elsewhere: refused, as Go and RFC 6943 section 3.1.1 do.
  if (value > 255 || (length > 1 && text.charCodeAt(from) === DIGIT_0)) {
    return -1;
  }
  return value;
}

function parseIPv4(text: string): number | undefined {
  let word = 0;
  let from = 0;
  for (let part = 0; part < 4; part++) {
    const dot = part === 3 ? text.length : text.indexOf('.', from);
    if (dot < 0) {
      return undefined;
    }
    const value = octet(text, from, dot);
    if (value < 0) {
      return undefined;
    }
    word = word * 256 + value;
    from = dot + 1;
  }
  return word;
}

/** The value of a hexadecimal digit; -1 for any other character. */
function hexDigit(code: number): number {
  if (code >= DIGIT_0 && code <= DIGIT_0 + 9) {
    return code - DIGIT_0;
  }
  // Bit 5 makes an ASCII letter lower case.
  const letter = (code | 32) - LETTER_A;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

/** RFC 4291 section 2.2, without zones. In one pass. */
function parseIPv6(text: string): Address | undefined {
  const groups: number[] = [];
  let gap = text.startsWith('::') ? 0 : -1;
  for (let at = gap < 0 ? 0 : 2; at < text.length; ) {
    const start = at;
    let value = 0;
    for (let digit = hexDigit(text.charCodeAt(at)); digit >= 0; digit = hexDigit(text.charCodeAt(++at))) {
      value = value * 16 + digit;
    }
    if (at === start || at - start > 4) {
      return undefined;
    }
    if (text[at] === '.') {
      const word = parseIPv4(text.slice(start));
      if (word === undefined) {
        return undefined;
      }
      groups.push(word >>> 16, word & 0xffff);
      break;
    }
    groups.push(value);
    if (at === text.length) {
      break;
    }
    if (text[at++] !== ':' || at === text.length) {
      return undefined;
    }
    if (text[at] === ':') {
      if (gap >= 0) {
        return undefined;
      }
      gap = groups.length;
      at++;
    }
  }
  const missing = 8 - groups.length;
  if (gap < 0 ? missing !== 0 : missing < 1) {
    return undefined;
  }
  const at = (i: number) => (gap < 0 || i < gap ? groups[i]! : i < gap + missing ? 0 : groups[i - missing]!);
  const words: number[] = [];
  for (let i = 0; i < 8; i += 2) {
    words.push(at(i) * 65536 + at(i + 1));
  }
  return words;
}

/** ::ffff:0:0/96, which is IPv4 in IPv6's clothes (RFC 4291 section 2.5.5.2). */
function isMapped(words: Address): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

/** Reads an address; an IPv4-mapped IPv6 address reads as IPv4. Undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const word = parseIPv4(text);
    return word === undefined ? undefined : [word];
  }
  const words = parseIPv6(text);
  return words && isMapped(words) ? [words[3]!] : words;
}

/** Reads `address/prefix`, host bits kept. Undefined when malformed, 'mapped' for an IPv4-mapped one. */
export function parseSubnet(text: string): Subnet | 'mapped' | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) {
    return undefined;
  }
  const host = text.slice(0, slash);
  const bits = text.slice(slash + 1);
  const address = parseAddress(host);
  if (!address || !/^\d{1,3}$/.test(bits)) {
    return undefined;
  }
  const mapped = address.length === 1 && host.includes(':');
  const prefix = Number(bits);
  if (prefix > (mapped ? 128 : address.length * 32)) {
    return undefined;
  }
  return mapped ? 'mapped' : { address, prefix };
}

/** Writes an address: dotted decimal, or RFC 5952. */
export function formatAddress(address: Address): string {
  if (address.length === 1) {
    const word = address[0]!;
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  }
  const groups: number[] = [];
  for (const word of address) {
    groups.push(word >>> 16, word & 0xffff);
  }
  // RFC 5952 section 4.2: the longest run of two or more zero groups shrinks, the first among equals.
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) {
      end++;
    }
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    if (end > i) {
      i = end;
    }
  }
  let text = start === 0 ? ':' : '';
  for (let i = 0; i < 8; i++) {
    if (i === start) {
      text += ':';
      i += length - 1;
    } else {
      text += groups[i]!.toString(16);
      if (i < 7) {
        text += ':';
      }
    }
  }
  return text;
}

/** Writes `address/prefix`. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.address)}/${subnet.prefix}`;
}

/** Negative, 0 or positive, as `a` is below, equal to or above `b`. Of different families, IPv4 is below. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.length !== b.length) {
    return a.length - b.length;
  }
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) {
      return a[i]! - b[i]!;
    }
  }
  return 0;
}

/** The address `step` (1 or -1) away; wraps at the ends of the family. */
export function addressBeside(address: Address, step: 1 | -1): Address {
  const words = [...address];
  for (let i = words.length - 1; i >= 0; i--) {
    const sum = words[i]! + step;
    words[i] = sum >>> 0;
    if (sum >= 0 && sum <= 0xffffffff) {
      break;
    }
  }
  return words;
}

/** The mask of the word at `index` under a prefix length. */
function maskWord(prefix: number, index: number): number {
  const bits = prefix - index * 32;
  if (bits <= 0) {
    return 0;
  }
  return bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
}

/** The first address of a subnet: host bits cleared. */
export function firstOf({ address, prefix }: Subnet): Address {
  return address.map((word, i) => (word & maskWord(prefix, i)) >>> 0);
}

/** The last address of a subnet: host bits set. */
export function lastOf({ address, prefix }: Subnet): Address {
  return address.map((word, i) => (word | ~maskWord(prefix, i)) >>> 0);
}

/** How many addresses lie from `start` to `end`, both included; a double, so inexact above 2^53. */
export function distance(start: Address, end: Address): number {
  let sum = 0;
  for (let i = 0; i < start.length; i++) {
    sum = sum * 2 ** 32 + (end[i]! - start[i]!);
  }
  return sum + 1;
}
