import { hash } from 'node:crypto';
import type { ReadObject } from '../incoming-object.ts';
import { compile, type Marked, type Message, type Part, type Parts } from './message.ts';
import { BYTES, Cursor, ProtobufError, signed, VARINT } from './wire.ts';

/** Ends a nested message in the requested fields: no tag is 0. */
const END = 0;

/** Reads messages one after the other; results are valid until the next read(). Unrequested fields are skipped. */
export class MessageReader implements ReadObject {
  readonly #parts: Parts;
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;
  /** The requested fields as they came, but nested messages with END instead of their length. */
  #kept: Buffer = Buffer.allocUnsafeSlow(1024);
  #size = 0;
  /** Start and end of each marked string; -1 if absent. */
  readonly #marked: Int32Array;

  constructor(message: Message, marked: Marked = {}, marks = 0) {
    this.#parts = compile(message, marked);
    this.#marked = new Int32Array(2 * marks);
  }

  /** @throws {ProtobufError} when a requested part is malformed; nested messages that are not requested are not checked */
  read(bytes: Buffer, from = 0, to = bytes.length): void {
    this.#bytes = bytes;
    this.#from = from;
    this.#to = to;
    this.#size = 0;
    this.#marked.fill(-1);
    this.#message(from, to, this.#parts);
  }

  /**
   * The requested fields as in the object's JSON. An empty string is absent, because JSON mostly omits it.
   *
   * @throws {ProtobufError} when a requested time is malformed
   */
  value(): unknown {
    return this.#decode(this.#from, this.#to, this.#parts, {});
  }

  digest(): string {
    return hash('sha256', this.#kept.subarray(0, this.#size), 'base64url');
  }

  /** A marked string; undefined if it is empty. */
  text(mark: number): string | undefined {
    const from = this.#marked[2 * mark]!;
    const to = this.#marked[2 * mark + 1]!;
    return from === to ? undefined : this.#bytes.toString('utf8', from, to);
  }

  #message(from: number, to: number, parts: Parts): void {
    const cursor = new Cursor(this.#bytes, from, to);
    while (cursor.next()) {
      const part = parts[cursor.number];
      if (part === undefined) {
        continue;
      }
      check(part, cursor);
      if (part.mark >= 0) {
        this.#marked[2 * part.mark] = cursor.from;
        this.#marked[2 * part.mark + 1] = cursor.to;
      }
      if (part.type === 'message') {
        if (part.wanted) {
          this.#copy(cursor.tag, cursor.afterTag);
        }
        this.#message(cursor.from, cursor.to, part.inside);
        if (part.wanted) {
          this.#room(1);
          this.#kept[this.#size] = END;
          this.#size += 1;
        }
      } else if (part.wanted) {
        this.#copy(cursor.tag, cursor.to);
      }
    }
  }

  #copy(from: number, to: number): void {
    this.#room(to - from);
    const [bytes, kept, offset] = [this.#bytes, this.#kept, this.#size - from];
    // Usually a few bytes; a call to copy() would cost more.
    for (let at = from; at < to; at += 1) {
      kept[at + offset] = bytes[at]!;
    }
    this.#size += to - from;
  }

  #room(more: number): void {
    if (this.#size + more > this.#kept.length) {
      const grown = Buffer.allocUnsafeSlow(2 * (this.#kept.length + more));
      this.#kept.copy(grown, 0, 0, this.#size);
      this.#kept = grown;
    }
  }

  /** Adds the requested fields to `into`: fields of a message that comes twice are merged, as protobuf requires. */
  #decode(from: number, to: number, parts: Parts, into: Record<string, unknown>): Record<string, unknown> {
    const cursor = new Cursor(this.#bytes, from, to);
    while (cursor.next()) {
      const part = parts[cursor.number];
      if (part === undefined || !part.wanted) {
        continue;
      }
      check(part, cursor);
      const { key, repeated } = part;
      if (repeated) {
        const list = (into[key] ?? []) as unknown[];
        list.push(this.#one(part, cursor, {}));
        into[key] = list;
      } else {
        into[key] = this.#one(part, cursor, (into[key] ?? {}) as Record<string, unknown>);
        if (into[key] === '') {
          delete into[key];
        }
      }
    }
    return into;
  }

  #one({ type, inside }: Part, { from, to }: Cursor, before: Record<string, unknown>): unknown {
    switch (type) {
      case 'string':
        return this.#bytes.toString('utf8', from, to);
      case 'int':
        return signed(this.#bytes, from, to);
      case 'time':
        return this.#time(from, to);
      case 'message':
        return this.#decode(from, to, inside, before);
    }
  }

  /** Decodes meta.v1.Time, whose JSON has no fractions of a second. An empty one is the zero time. */
  #time(from: number, to: number): string | null {
    const cursor = new Cursor(this.#bytes, from, to);
    let seconds: number | undefined;
    while (cursor.next()) {
      if (cursor.number === 1) {
        if (cursor.wire !== VARINT) {
          throw new ProtobufError('seconds is not a number', cursor.tag);
        }
        seconds = signed(this.#bytes, cursor.from, cursor.to);
      }
    }
    if (seconds === undefined) {
      return null;
    }
    const date = new Date(seconds * 1000);
    if (Number.isNaN(date.getTime())) {
      throw new ProtobufError('Invalid time', from);
    }
    return date.toISOString().replace('.000Z', 'Z');
  }
}

function check({ key, wire }: Part, cursor: Cursor): void {
  if (cursor.wire !== wire) {
    throw new ProtobufError(`${key} is not ${wire === BYTES ? 'length-delimited' : 'a number'}`, cursor.tag);
  }
}
