/** Requests that are encoded once and then differ in a few values. */
import { writeAddress, writePrefix } from '@cnikit/ip';
import { readI32, writeMac, writePlain, writeU32 } from '#native';
import type { Request } from './codec/request.ts';
import { textLength } from './codec/text.ts';

/**
 * Values of a request. Text is a MAC address, an IP address, an address with prefix length, or a name. Numbers are u32
 * attributes and fields, up to 2^31 - 1. A boolean is a bit of a byte; 0 and `undefined` are the same in all requests of a template.
 */
export type TemplateValues = Readonly<Record<string, string | number | boolean | undefined>>;

/** Kinds of values. Numbers, because they are compared for each value. */
const NUMBER = 0;
const BIT = 1;
const MAC = 2;
const ADDRESS = 3;
const PREFIX = 4;
const TEXT = 5;

/** The places of a value in the payload. */
interface Blank {
  key: string;
  kind: number;
  /** In bytes; the mask of a bit. */
  size: number;
  at: number;
  /** Position of a second place; 0 = none. */
  again: number;
}

/** Position of the prefix length in `struct ifaddrmsg` and `struct rtmsg`. */
const PREFIX_LENGTH_AT = 1;
/** Length of the text of a MAC address of Ethernet, and its bytes. */
const MAC_TEXT = 17;
const MAC_BYTES = 6;
/** The last prefix: address, and length in the last byte. */
const prefix = new Uint8Array(17);

/**
 * A function that makes requests, with the result of one call: `fill()` copies it and replaces the values, which takes a
 * tenth of the time. The static executable contains that result.
 */
export class Template<V extends TemplateValues> {
  readonly #make: (values: V) => Request;
  readonly #request: Request;
  readonly #blanks: Blank[] = [];

  /**
   * @param make returns a request that has these values at constant positions
   * @param example values whose bytes occur only at one place or two. Text in other requests of the template has the same
   * size
   * @throws {TypeError} when the request does not have a value
   */
  constructor(make: (values: V) => Request, example: V) {
    this.#make = make;
    this.#request = make(example);
    const { payload } = this.#request;
    for (const key in example) {
      const value: unknown = example[key];
      if (typeof value === 'boolean') {
        const other = make({ ...example, [key]: !value }).payload;
        const at = payload.findIndex((byte, i) => byte !== other[i]);
        this.#blanks.push({ key, kind: BIT, size: (payload[at] ?? 0) ^ (other[at] ?? 0), at, again: 0 });
      } else if (typeof value === 'string' || (typeof value === 'number' && value !== 0)) {
        const kind = kindOf(value);
        const bytes = bytesOf(kind, value);
        const at = find(bytes, payload, 0);
        if (at < 0) {
          throw new TypeError(`The request has no ${key} ${value}`);
        }
        const again = Math.max(find(bytes, payload, at + 1), 0);
        this.#blanks.push({ key, kind, size: bytes.length, at, again });
      }
    }
  }

  /** Returns the request that `make` returns for the values. */
  fill(values: V): Request {
    const request = this.#request;
    const payload = request.payload.slice();
    for (const blank of this.#blanks) {
      if (!write(payload, blank, values[blank.key])) {
        return this.#make(values);
      }
    }
    return new FilledRequest(request, payload, this.#make, values);
  }
}

class FilledRequest<V> implements Request {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly make: (values: V) => Request;
  readonly values: V;

  constructor(template: Request, payload: Uint8Array, make: (values: V) => Request, values: V) {
    this.type = template.type;
    this.flags = template.flags;
    this.payload = payload;
    this.make = make;
    this.values = values;
  }

  /** Only errors need it. */
  get describe(): string {
    return this.make(this.values).describe;
  }
}

/** Returns the position of a part at or after `from`, or -1. */
function find(part: Uint8Array, payload: Uint8Array, from: number): number {
  for (let at = from; at + part.length <= payload.length; at++) {
    let same = 0;
    while (same < part.length && payload[at + same] === part[same]) {
      same++;
    }
    if (same === part.length) {
      return at;
    }
  }
  return -1;
}

function kindOf(value: string | number): number {
  if (typeof value === 'number') {
    return NUMBER;
  }
  if (value.length === MAC_TEXT && writeMac(value, new Uint8Array(MAC_BYTES), 0) === MAC_BYTES) {
    return MAC;
  }
  if (writePrefix(value, false, prefix) === 0) {
    return TEXT;
  }
  return value.includes('/') ? PREFIX : ADDRESS;
}

function bytesOf(kind: number, value: string | number): Uint8Array {
  if (typeof value !== 'number' && (kind === ADDRESS || kind === PREFIX)) {
    return prefix.slice(0, writePrefix(value, false, prefix));
  }
  const size = typeof value === 'number' ? 4 : kind === MAC ? MAC_BYTES : value.length;
  const bytes = new Uint8Array(size);
  write(bytes, { key: '', kind, size, at: 0, again: 0 }, value);
  return bytes;
}

/** Writes a value at its places. Returns false when it does not fit the template or is invalid. */
function write(into: Uint8Array, { kind, size, at, again }: Blank, value: unknown): boolean {
  if (kind === BIT) {
    into[at] = value ? into[at]! | size : into[at]! & ~size;
    return true;
  }
  if (kind === NUMBER) {
    if (typeof value !== 'number' || value <= 0 || (value | 0) !== value) {
      return false;
    }
    writeU32(into, at, value, true);
  } else if (typeof value !== 'string' || !writeText(into, kind, size, at, value)) {
    return false;
  }
  if (again !== 0) {
    into.copyWithin(again, at, at + size);
  }
  return true;
}

function writeText(into: Uint8Array, kind: number, size: number, at: number, value: string): boolean {
  if (kind === MAC) {
    return writeMac(value, into, at) === size;
  }
  if (kind === ADDRESS) {
    return (size === 16 || !value.includes(':')) && writeAddress(value, 0, value.length, into, at) === size;
  }
  if (kind === PREFIX) {
    if (writePrefix(value, false, prefix) !== size) {
      return false;
    }
    for (let i = 0; i < size; i += 4) {
      writeU32(into, at + i, readI32(prefix, i, true), true);
    }
    into[PREFIX_LENGTH_AT] = prefix[16]!;
    return true;
  }
  if (value.length !== size || textLength(value) !== size || value.includes('\0')) {
    return false;
  }
  writePlain(value, into, at);
  return true;
}
