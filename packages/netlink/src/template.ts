/** Requests that are encoded once and then differ in a few values. */
import { writeAddress } from '@cnikit/ip';
import { writeMac, writePlain, writeU32 } from '#native';
import type { Request } from './codec/request.ts';
import { textLength } from './codec/text.ts';
import { prefixLength } from './route/family.ts';

/**
 * Values of a request. Text is a MAC address, an IP address, an address with prefix length, or a name. Numbers are u32
 * attributes and fields, up to 2^31 - 1. A boolean is a bit of a byte; 0 and `undefined` are the same in all requests of a template.
 */
export type TemplateValues = Readonly<Record<string, string | number | boolean | undefined>>;

type Kind = 'bit' | 'number' | 'mac' | 'address' | 'prefix' | 'text';

/** The places of a value in the payload. */
interface Blank {
  key: string;
  kind: Kind;
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
        this.#blanks.push({ key, kind: 'bit', size: (payload[at] ?? 0) ^ (other[at] ?? 0), at, again: 0 });
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
    const { type, flags, payload } = this.#request;
    const copy = payload.slice();
    for (const blank of this.#blanks) {
      if (!write(copy, blank, values[blank.key])) {
        return this.#make(values);
      }
    }
    return new FilledRequest(type, flags, copy, this.#make as (values: TemplateValues) => Request, values);
  }
}

class FilledRequest implements Request {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly #make: (values: TemplateValues) => Request;
  readonly #values: TemplateValues;

  constructor(
    type: number,
    flags: number,
    payload: Uint8Array,
    make: (values: TemplateValues) => Request,
    values: TemplateValues,
  ) {
    this.type = type;
    this.flags = flags;
    this.payload = payload;
    this.#make = make;
    this.#values = values;
  }

  /** Only errors need it. */
  get describe(): string {
    return this.#make(this.#values).describe;
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

function kindOf(value: string | number): Kind {
  if (typeof value === 'number') {
    return 'number';
  }
  const bytes = new Uint8Array(16);
  if (value.length === MAC_TEXT && writeMac(value, bytes, 0) === MAC_BYTES) {
    return 'mac';
  }
  const slash = value.indexOf('/');
  if (writeAddress(value, 0, slash < 0 ? value.length : slash, bytes, 0) === 0) {
    return 'text';
  }
  return slash < 0 ? 'address' : 'prefix';
}

function bytesOf(kind: Kind, value: string | number): Uint8Array {
  if (typeof value === 'number') {
    const bytes = new Uint8Array(4);
    writeU32(bytes, 0, value, true);
    return bytes;
  }
  const size = kind === 'text' ? value.length : kind === 'mac' ? MAC_BYTES : value.includes(':') ? 16 : 4;
  const bytes = new Uint8Array(size);
  if (kind === 'prefix') {
    writeAddress(value, 0, value.indexOf('/'), bytes, 0);
  } else {
    writeText(bytes, { key: '', kind, size, at: 0, again: 0 }, value);
  }
  return bytes;
}

/** Writes a value at its places. Returns false when it does not fit the template or is invalid. */
function write(into: Uint8Array, blank: Blank, value: unknown): boolean {
  const { at, again } = blank;
  if (blank.kind === 'bit') {
    into[at] = value ? into[at]! | blank.size : into[at]! & ~blank.size;
  } else if (typeof value === 'number') {
    if (blank.kind !== 'number' || value <= 0 || (value | 0) !== value) {
      return false;
    }
    writeU32(into, at, value, true);
  } else if (typeof value !== 'string' || !writeText(into, blank, value)) {
    return false;
  }
  if (again !== 0) {
    into.copyWithin(again, at, at + blank.size);
  }
  return true;
}

function writeText(into: Uint8Array, { kind, size, at }: Blank, value: string): boolean {
  switch (kind) {
    case 'mac':
      return value.length === MAC_TEXT && writeMac(value, into, at) === size;
    case 'text':
      if (value.length !== size || textLength(value) !== size || value.includes('\0')) {
        return false;
      }
      writePlain(value, into, at);
      return true;
    case 'address':
      return writeSized(value, value.length, into, at, size);
    case 'prefix': {
      const slash = value.indexOf('/');
      const length = prefixLength(value, slash + 1);
      into[PREFIX_LENGTH_AT] = length;
      return slash > 0 && length >= 0 && length <= 8 * size && writeSized(value, slash, into, at, size);
    }
    default:
      return false;
  }
}

/** Writes an address of that size. */
function writeSized(text: string, end: number, into: Uint8Array, at: number, size: number): boolean {
  return text.includes(':') === (size === 16) && writeAddress(text, 0, end, into, at) === size;
}
