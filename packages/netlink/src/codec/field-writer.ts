import { type ByteOrder, writeU16, writeU32 } from './bytes.ts';
import { NetlinkEncodeError } from './errors.ts';
import { encodeText } from './text.ts';

/** Bits of an attribute's type that are not flags. */
export const NLA_TYPE_MASK = 0x3fff;

/**
 * Writes fields one after another, without attributes: the fixed header of a message or of a nested structure.
 * The buffer doubles when it is full, and `reset()` keeps it, so one writer writes many messages without allocating.
 */
export class FieldWriter {
  readonly order: ByteOrder;
  protected readonly little: boolean;
  protected bytes: Uint8Array;
  /** Length of `bytes`, whose getter is slow in QuickJS. */
  #capacity: number;
  protected at = 0;

  constructor(order: ByteOrder = 'little', capacity = 256) {
    this.order = order;
    this.little = order === 'little';
    this.bytes = new Uint8Array(capacity);
    this.#capacity = capacity;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.at;
  }

  /** Removes the content and keeps the buffer. */
  reset(): this {
    this.at = 0;
    return this;
  }

  /** Returns a copy of the written bytes. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.at);
  }

  /**
   * Writes one byte. An error names the field as `what`.
   *
   * @throws {NetlinkEncodeError} BAD_VALUE when the value is out of range, like every integer method
   */
  putU8(value: number, what?: string): this {
    if ((value & 0xff) !== value) {
      misfit(value, 'u8', undefined, what);
    }
    const at = this.room(1);
    this.bytes[at] = value;
    return this;
  }

  /** Two bytes in the byte order of the message. */
  putU16(value: number, what?: string): this {
    if ((value & 0xffff) !== value) {
      misfit(value, 'u16', undefined, what);
    }
    const at = this.room(2);
    writeU16(this.bytes, at, value, this.little);
    return this;
  }

  /** Four bytes in the byte order of the message. */
  putU32(value: number, what?: string): this {
    if (value >>> 0 !== value) {
      misfit(value, 'u32', undefined, what);
    }
    const at = this.room(4);
    writeU32(this.bytes, at, value, this.little);
    return this;
  }

  /** Four bytes in the byte order of the message, signed. */
  putI32(value: number, what?: string): this {
    if ((value | 0) !== value) {
      misfit(value, 's32', undefined, what);
    }
    const at = this.room(4);
    writeU32(this.bytes, at, value, this.little);
    return this;
  }

  /** Eight bytes in the byte order of the message. */
  putU64(value: number | bigint): this {
    const big = unsigned64(value);
    const low = Number(big & 0xffffffffn);
    const high = Number(big >> 32n);
    const at = this.room(8);
    writeU32(this.bytes, this.little ? at : at + 4, low, this.little);
    writeU32(this.bytes, this.little ? at + 4 : at, high, this.little);
    return this;
  }

  /** Two bytes in network byte order. */
  putBe16(value: number): this {
    if ((value & 0xffff) !== value) {
      misfit(value, 'be16');
    }
    const at = this.room(2);
    writeU16(this.bytes, at, value, false);
    return this;
  }

  /** Four bytes in network byte order. */
  putBe32(value: number): this {
    if (value >>> 0 !== value) {
      misfit(value, 'be32');
    }
    const at = this.room(4);
    writeU32(this.bytes, at, value, false);
    return this;
  }

  /** Writes bytes without padding. */
  putBytes(value: Uint8Array): this {
    const at = this.room(value.length);
    this.bytes.set(value, at);
    return this;
  }

  /** Writes `count` zero bytes. */
  putZeros(count: number): this {
    const at = this.room(count);
    this.bytes.fill(0, at, at + count);
    return this;
  }

  /** Writes UTF-8 text without a NUL. */
  putText(value: string): this {
    // A UTF-16 unit takes at most three bytes of UTF-8.
    const at = this.room(3 * value.length);
    this.at = encodeText(value, this.bytes, at);
    return this;
  }

  /** Overwrites an earlier byte, for a header field that is known only later (a prefix length). */
  patchU8(at: number, value: number): this {
    this.bytes[at] = value;
    return this;
  }

  /** Overwrites two earlier bytes, for a length that is known only later. */
  patchU16(at: number, value: number): this {
    writeU16(this.bytes, at, value, this.little);
    return this;
  }

  /** Removes everything after `length`, such as a nest that stayed empty. */
  rewind(length: number): this {
    this.at = length;
    return this;
  }

  /** Returns the position of `size` new bytes. Call it before reading `this.bytes`, which it may replace. */
  protected room(size: number): number {
    const at = this.at;
    const end = at + size;
    this.at = end;
    if (end > this.#capacity) {
      this.#grow();
    }
    return at;
  }

  #grow(): void {
    this.#capacity = Math.max(this.at, this.#capacity * 2);
    const bigger = new Uint8Array(this.#capacity);
    bigger.set(this.bytes);
    this.bytes = bigger;
  }
}

/** Throws for a value that is not an integer of the field's size. */
export function misfit(value: unknown, kind: string, type?: number, what?: string): never {
  const where = type === undefined ? 'the message header' : `attribute ${type & NLA_TYPE_MASK}`;
  const name = what ?? where;
  throw new NetlinkEncodeError(
    'BAD_VALUE',
    typeof value === 'number' || typeof value === 'bigint'
      ? `${value} is out of range for ${name}, which is a ${kind}`
      : `${JSON.stringify(value) ?? String(value)} is not a number, as ${name} needs`,
  );
}

export function unsigned64(value: number | bigint): bigint {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
    misfit(value, 'u64');
  }
  const big = BigInt(value);
  if (BigInt.asUintN(64, big) !== big) {
    misfit(value, 'u64');
  }
  return big;
}
