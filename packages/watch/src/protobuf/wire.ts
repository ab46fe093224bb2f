/** Reads the wire format of protobuf (https://protobuf.dev/programming-guides/encoding), without copying. */
import { WatchError } from '../errors.ts';

/** Wire types. Kubernetes has no groups (3 and 4). */
export const VARINT = 0;
const FIXED64 = 1;
export const BYTES = 2;
const FIXED32 = 5;

const MAX_NUMBER = 2 ** 29 - 1;
const MAX_VARINT_BYTES = 10;

/** Thrown for bytes that are not the message they should be. */
export class ProtobufError extends Error {
  constructor(what: string, at: number) {
    super(`${what} at byte ${at}`);
    this.name = 'ProtobufError';
  }
}

/** Returns the error PROTOCOL for protobuf that is well-formed but not what it should be: JSON may be better. */
export function unusable(message: string): WatchError {
  return new WatchError('PROTOCOL', message, { cause: new ProtobufError('Unusable', 0) });
}

/** Walks the fields of the message in `bytes` from `from` to `end`. */
export class Cursor {
  /** Number of the field. */
  number = 0;
  wire = 0;
  /** Range of the field's tag. */
  tag = 0;
  afterTag = 0;
  /** Range of the field's value; of BYTES without the length. */
  from = 0;
  to: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at = 0;

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.#bytes = bytes;
    this.to = from;
    this.#end = end;
  }

  /**
   * Moves to the next field; false at the end of the message.
   *
   * @throws {ProtobufError} when the message is malformed or incomplete
   */
  next(): boolean {
    if (this.to === this.#end) {
      return false;
    }
    this.tag = this.to;
    this.#at = this.to;
    const tag = this.#varint();
    this.afterTag = this.#at;
    this.wire = tag & 7;
    this.number = Math.floor(tag / 8);
    if (this.number === 0 || this.number > MAX_NUMBER) {
      throw new ProtobufError('Invalid field number', this.tag);
    }
    this.from = this.#at;
    if (this.wire === BYTES) {
      const length = this.#varint();
      this.from = this.#at;
      this.to = this.from + length;
    } else if (this.wire === VARINT) {
      this.#varint();
      this.to = this.#at;
    } else {
      this.to = this.from + fixedLength(this.wire, this.tag);
    }
    if (this.to > this.#end) {
      throw new ProtobufError('Incomplete field', this.tag);
    }
    return true;
  }

  /** Reads an unsigned number. Lengths and tags are exact; beyond 2^53 it is only approximate. */
  #varint(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    let value = 0;
    let scale = 1;
    for (let at = start; at < this.#end && at < start + MAX_VARINT_BYTES; at += 1) {
      const byte = bytes[at]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#at = at + 1;
        return value;
      }
      scale *= 128;
    }
    throw new ProtobufError('Invalid varint', start);
  }
}

/**
 * Returns the length of a value that is neither a varint nor BYTES.
 *
 * @throws {ProtobufError} for an invalid wire type
 */
export function fixedLength(wire: number, at: number): number {
  if (wire === FIXED64 || wire === FIXED32) {
    return wire === FIXED64 ? 8 : 4;
  }
  throw new ProtobufError(`Invalid wire type ${wire}`, at);
}

/** Returns the signed 64-bit number of a varint that Cursor has checked. */
export function signed(bytes: Uint8Array, from: number, to: number): number {
  let value = 0n;
  for (let at = to - 1; at >= from; at -= 1) {
    value = (value << 7n) | BigInt(bytes[at]! & 0x7f);
  }
  return Number(BigInt.asIntN(64, value));
}

/** A part of a buffer. */
export interface Range {
  from: number;
  to: number;
}

/**
 * Returns the value of a field, the last one if there are several; undefined if there is none.
 *
 * @throws {ProtobufError} when the message is malformed
 */
export function find(bytes: Uint8Array, { from, to }: Range, number: number): Range | undefined {
  let found: Range | undefined;
  const cursor = new Cursor(bytes, from, to);
  while (cursor.next()) {
    if (cursor.number === number && cursor.wire === BYTES) {
      found = { from: cursor.from, to: cursor.to };
    }
  }
  return found;
}
