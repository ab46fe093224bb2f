/** Filling of templates, which the static executable has in C. */
import { writeAddress, writePrefix } from '@cnikit/ip';
import { readI32, writeMac, writeMessage, writePlain, writeU32 } from '#native';
import { ADDRESS, BIT, BLANK_NUMBERS, BROADCAST, EUI64, MAC, NUMBER, PREFIX } from './blank.ts';
import { NLMSG_HDRLEN } from './codec/encoder.ts';
import { textLength } from './codec/text.ts';

/** Position of the prefix length in `struct ifaddrmsg` and `struct rtmsg`. */
const PREFIX_LENGTH_AT = 1;
const MAC_BYTES = 6;
/** The longest prefix of a subnet that has a broadcast address (RFC 3021). */
const MAX_BROADCAST_LENGTH = 30;
/** The last prefix: address, and length in the last byte. */
const prefix = new Uint8Array(17);
const mac = new Uint8Array(MAC_BYTES);

/**
 * A message with blanks: type, flags, payload, the key of each blank, and {@link BLANK_NUMBERS} of each. A tuple, because C
 * finds its parts without names.
 */
export type Form = readonly [
  type: number,
  flags: number,
  payload: Uint8Array,
  keys: readonly string[],
  blanks: readonly number[],
];

/**
 * Writes a message and the values into its blanks.
 *
 * @param more NLM_F_*, added to those of the form
 * @returns false when a value does not fit its blank or is invalid; the payload is then incomplete
 */
export function fillMessage(
  into: Uint8Array,
  at: number,
  [type, flags, payload, keys, blanks]: Form,
  more: number,
  sequence: number,
  port: number,
  values: Readonly<Record<string, unknown>>,
): boolean {
  writeMessage(into, at, type, flags | more, sequence, port, payload, true);
  return fillBlanks(into, at + NLMSG_HDRLEN, keys, blanks, values);
}

/** A blank of a message. */
interface Blank {
  kind: number;
  /** In bytes; the mask of a bit. */
  size: number;
  /** Position of the payload in the message. */
  start: number;
  /** Position of the blank in the message. */
  at: number;
}

function fillBlanks(
  into: Uint8Array,
  start: number,
  keys: readonly string[],
  blanks: readonly number[],
  values: Readonly<Record<string, unknown>>,
): boolean {
  return keys.every((key, i) => {
    const [kind, size, offset, again] = blanks.slice(i * BLANK_NUMBERS) as [number, number, number, number];
    const at = start + offset;
    if (!fillBlank(into, { kind, size, start, at }, values[key])) {
      return false;
    }
    if (again !== 0) {
      into.copyWithin(start + again, at, at + size);
    }
    return true;
  });
}

/** Returns false when the value does not fit. */
function fillBlank(into: Uint8Array, blank: Blank, value: unknown): boolean {
  const { kind, size, at } = blank;
  if (kind === BIT) {
    into[at] = value ? into[at]! | size : into[at]! & ~size;
    return true;
  }
  if (kind === NUMBER) {
    if (typeof value !== 'number' || value <= 0 || (value | 0) !== value) {
      return false;
    }
    writeU32(into, at, value, true);
    return true;
  }
  return typeof value === 'string' && fillText(into, blank, value);
}

function fillText(into: Uint8Array, { kind, size, start, at }: Blank, value: string): boolean {
  switch (kind) {
    case MAC:
      return writeMac(value, into, at) === size;
    case EUI64:
      return writeMac(value, mac, 0) === MAC_BYTES && writeEui64(into, at);
    case ADDRESS:
      return (size === 16 || !value.includes(':')) && writeAddress(value, 0, value.length, into, at) === size;
    case PREFIX:
      if (writePrefix(value, false, prefix) !== size) {
        return false;
      }
      into.set(prefix.subarray(0, size), at);
      into[start + PREFIX_LENGTH_AT] = prefix[16]!;
      return true;
    case BROADCAST:
      return writeBroadcast(into, at);
  }
  if (value.length !== size || textLength(value) !== size || value.includes('\0')) {
    return false;
  }
  writePlain(value, into, at);
  return true;
}

function writeEui64(into: Uint8Array, at: number): boolean {
  into.set([mac[0]! ^ 2, mac[1]!, mac[2]!, 0xff, 0xfe, mac[3]!, mac[4]!, mac[5]!], at);
  return true;
}

function writeBroadcast(into: Uint8Array, at: number): boolean {
  const length = prefix[16]!;
  if (length > MAX_BROADCAST_LENGTH) {
    return false;
  }
  writeU32(into, at, readI32(prefix, 0, false) | (0xffffffff >>> length), false);
  return true;
}
