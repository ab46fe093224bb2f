/** Requests that are encoded once and then differ in a few values. */
import { writePrefix } from '@cnikit/ip';
import { fillMessage } from '#fill-message';
import { writeMac } from '#native';
import { ADDRESS, BIT, BLANK_NUMBERS, BROADCAST, EUI64, MAC, NUMBER, PREFIX, TEXT } from './blank.ts';
import { NLMSG_HDRLEN } from './codec/encoder.ts';
import type { Request } from './codec/request.ts';
import type { Form } from './fill-message.ts';
import { messageSize } from './message-size.ts';

/**
 * Values of a request. Text is a MAC address, an IP address, an address with prefix length, or a name. Numbers are u32
 * attributes and fields, up to 2^31 - 1. A boolean is a bit of a byte; 0 and `undefined` are the same in all requests of a template.
 */
export type TemplateValues = Readonly<Record<string, string | number | boolean | undefined>>;

/** Length of the text of a MAC address of Ethernet, and its bytes. */
const MAC_TEXT = 17;
const MAC_BYTES = 6;
const EUI64_BYTES = 8;
/** Position of a value whose bytes are asked for, after what a prefix writes elsewhere. */
const SCRATCH_AT = 4;

/**
 * A function that makes requests, with the result of one call: a connection copies it and replaces the values, which takes a
 * tenth of the time. The static executable contains that result.
 */
export class Template<V extends TemplateValues = TemplateValues> {
  /** Makes the request for the values, without the bytes of the template. */
  readonly make: (values: V) => Request;
  /** The example's message. */
  readonly form: Form;
  /** Bytes that a request takes in a datagram. */
  readonly messageSize: number;
  readonly #keys: string[] = [];
  readonly #blanks: number[] = [];

  /**
   * @param make returns a request that has these values at constant positions. Instead of a MAC address it may have the
   * modified EUI-64, and with an IPv4 prefix the broadcast address
   * @param example values whose bytes occur only at one place or two. Text in other requests of the template has the same
   * size
   * @throws {TypeError} when the request does not have a value
   */
  constructor(make: (values: V) => Request, example: V) {
    const request = make(example);
    const { type, flags, payload } = request;
    this.make = make;
    this.form = [type, flags, payload, this.#keys, this.#blanks];
    this.messageSize = messageSize(request);
    for (const key in example) {
      const value: unknown = example[key];
      if (typeof value === 'boolean') {
        const other = make({ ...example, [key]: !value }).payload;
        const at = payload.findIndex((byte, i) => byte !== other[i]);
        this.#add(key, BIT, (payload[at] ?? 0) ^ (other[at] ?? 0), at, 0);
      } else if (typeof value === 'string' || (typeof value === 'number' && value !== 0)) {
        this.#addValue(key, value);
      }
    }
  }

  #addValue(key: string, value: string | number): void {
    const kind = kindOf(value);
    if (!this.#addFound(key, kind, value) && !(kind === MAC && this.#addFound(key, EUI64, value))) {
      throw new TypeError(`The request has no ${key} ${value}`);
    }
    if (kind === PREFIX && sizeOf(kind, value) === 4) {
      this.#addFound(key, BROADCAST, value);
    }
  }

  /** Adds the blank for the value's bytes; returns false when the payload does not have them. */
  #addFound(key: string, kind: number, value: string | number): boolean {
    const [, , payload] = this.form;
    const bytes = bytesOf(kind, value);
    const at = bytes === undefined ? -1 : find(bytes, payload, 0);
    if (bytes === undefined || at < 0) {
      return false;
    }
    this.#add(key, kind, bytes.length, at, Math.max(find(bytes, payload, at + 1), 0));
    return true;
  }

  #add(key: string, kind: number, size: number, at: number, again: number): void {
    this.#keys.push(key);
    this.#blanks.push(kind, size, at, again);
  }

  /** Returns the request that `make` returns for the values. It keeps them, and reads them when it is sent. */
  fill(values: V): Request {
    return new FilledRequest(this, values);
  }
}

/** A request of a template. A connection encodes it without a copy of the payload. */
export class FilledRequest<V extends TemplateValues = TemplateValues> implements Request {
  readonly template: Template<V>;
  readonly values: V;

  constructor(template: Template<V>, values: V) {
    this.template = template;
    this.values = values;
  }

  get type(): number {
    return this.template.form[0];
  }

  get flags(): number {
    return this.template.form[1];
  }

  get payload(): Uint8Array {
    const { template, values } = this;
    return filled(template.form, values) ?? template.make(values).payload;
  }

  get describe(): string {
    return this.template.make(this.values).describe;
  }
}

/** Returns the payload; `undefined` when a value does not fit. */
function filled(form: Form, values: TemplateValues): Uint8Array | undefined {
  const message = new Uint8Array(NLMSG_HDRLEN + form[2].length);
  return fillMessage(message, 0, form, 0, 0, 0, values) ? message.slice(NLMSG_HDRLEN) : undefined;
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
  if (addressSize(value) === 0) {
    return TEXT;
  }
  return value.includes('/') ? PREFIX : ADDRESS;
}

const addressSize = (text: string): number => writePrefix(text, false, new Uint8Array(17));

/** Returns the bytes that a blank of this kind has for the value; `undefined` when it has none. */
function bytesOf(kind: number, value: string | number): Uint8Array | undefined {
  const size = sizeOf(kind, value);
  const blank = [kind, size, SCRATCH_AT, 0];
  // A broadcast address is that of the prefix before it.
  const blanks = kind === BROADCAST ? [PREFIX, size, SCRATCH_AT, 0, ...blank] : blank;
  const keys: string[] = new Array(blanks.length / BLANK_NUMBERS).fill('value');
  return filled([0, 0, new Uint8Array(SCRATCH_AT + size), keys, blanks], { value })?.slice(SCRATCH_AT);
}

function sizeOf(kind: number, value: string | number): number {
  if (typeof value === 'number') {
    return 4;
  }
  if (kind === TEXT) {
    return value.length;
  }
  return kind === MAC ? MAC_BYTES : kind === EUI64 ? EUI64_BYTES : addressSize(value);
}
