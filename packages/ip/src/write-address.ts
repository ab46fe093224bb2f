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
