import { formatAddress } from '@cnikit/ip';
import { type ByteOrder, readI32, readU16, readU32, readU64 } from './bytes.ts';
import { NLA_F_NESTED, NLA_HDRLEN } from './encoder.ts';
import { NetlinkDecodeError } from './errors.ts';
import { NLA_TYPE_MASK } from './field-writer.ts';
import { formatMac } from './mac.ts';
import { decodeText } from './text.ts';

/** An attribute without a decoder, kept as received. */
export interface UnknownAttribute {
  /** Without the flag bits. */
  type: number;
  /** NLA_F_NESTED was set. */
  nested: boolean;
  data: Uint8Array;
}

/**
 * Iterates over attributes. `next()` moves to an attribute and checks that it lies inside its parent; then `type` is its
 * type and one getter reads its value:
 *
 *     while (reader.next()) {
 *       if (reader.type === RTA_OIF) oif = reader.u32('RTA_OIF');
 *     }
 *
 * A getter checks the size and names the attribute in its error. A value that is too long for an integer getter is an
 * error too.
 */
export class AttributeReader {
  readonly bytes: Uint8Array;
  readonly order: ByteOrder;
  /** Name of the parent, for errors. */
  readonly parent: string;
  /** Type of the current attribute without flag bits. */
  type = 0;
  /** Its NLA_F_NESTED bit. */
  nested = false;
  /** Its value is `bytes[start, end)`. */
  start = 0;
  end = 0;
  readonly #little: boolean;
  #position: number;
  readonly #limit: number;

  constructor(bytes: Uint8Array, start: number, end: number, order: ByteOrder, parent: string) {
    this.bytes = bytes;
    this.order = order;
    this.#little = order === 'little';
    this.parent = parent;
    this.#position = start;
    this.#limit = end;
  }

  /** Moves to the next attribute; returns false at the end. */
  next(): boolean {
    const at = this.#position;
    const left = this.#limit - at;
    if (left <= 0) {
      return false;
    }
    if (left < NLA_HDRLEN) {
      throw new NetlinkDecodeError('TRUNCATED', this.parent, at, `${left} bytes left over`);
    }
    // readU16() inlined: calls are expensive in QuickJS.
    const { bytes } = this;
    const little = this.#little;
    const length = little ? bytes[at]! | (bytes[at + 1]! << 8) : readU16(bytes, at, false);
    if (length < NLA_HDRLEN || length > left) {
      const problem = `attribute of ${length} bytes, but only ${left} are left`;
      throw new NetlinkDecodeError('BAD_LENGTH', this.parent, at, problem);
    }
    const type = little ? bytes[at + 2]! | (bytes[at + 3]! << 8) : readU16(bytes, at + 2, false);
    this.type = type & NLA_TYPE_MASK;
    this.nested = (type & NLA_F_NESTED) !== 0;
    this.start = at + NLA_HDRLEN;
    this.end = at + length;
    this.#position = at + ((length + 3) & ~3);
    return true;
  }

  /** One byte. Errors about the size contain `name`, here and below. */
  u8(name: string): number {
    this.size(1, name);
    return this.bytes[this.start]!;
  }

  /** Two bytes in the byte order of the message. */
  u16(name: string): number {
    this.size(2, name);
    return readU16(this.bytes, this.start, this.#little);
  }

  /** Four bytes in the byte order of the message. */
  u32(name: string): number {
    this.size(4, name);
    return readU32(this.bytes, this.start, this.#little);
  }

  /** Four bytes in the byte order of the message, signed. */
  i32(name: string): number {
    this.size(4, name);
    return readI32(this.bytes, this.start, this.#little);
  }

  /** A bigint beyond 2^53 - 1. */
  u64(name: string): number | bigint {
    this.size(8, name);
    return readU64(this.bytes, this.start, this.#little);
  }

  /** Two bytes in network byte order. */
  be16(name: string): number {
    this.size(2, name);
    return readU16(this.bytes, this.start, false);
  }

  /** Four bytes in network byte order. */
  be32(name: string): number {
    this.size(4, name);
    return readU32(this.bytes, this.start, false);
  }

  /** Eight bytes in network byte order; a bigint beyond 2^53 - 1. */
  be64(name: string): number | bigint {
    this.size(8, name);
    return readU64(this.bytes, this.start, false);
  }

  /** Text up to the first NUL. */
  string(): string {
    return decodeText(this.bytes, this.start, this.end);
  }

  /** A copy of the value, because the buffer is reused. */
  raw(): Uint8Array {
    return this.bytes.slice(this.start, this.end);
  }

  /** A hardware address: `02:00:00:00:00:01`. */
  mac(): string {
    return formatMac(this.bytes, this.start, this.end);
  }

  /** An IP address; the family follows from the size. */
  address(name: string): string {
    const size = this.end - this.start;
    if (size !== 4 && size !== 16) {
      this.#wrongSize(name, '4 or 16');
    }
    return formatAddress(this.bytes, this.start, size);
  }

  /** The attributes inside this one, after the first `skip` bytes of its value. */
  attributes(name: string, skip = 0): AttributeReader {
    if (this.end - this.start < skip) {
      this.#wrongSize(name, `at least ${skip}`);
    }
    return new AttributeReader(this.bytes, this.start + skip, this.end, this.order, name);
  }

  /** The attribute as received. */
  unknown(): UnknownAttribute {
    return { type: this.type, nested: this.nested, data: this.raw() };
  }

  /** Throws unless the value has `size` bytes, or at least that many. */
  size(size: number, name: string, orMore = false): void {
    const has = this.end - this.start;
    if (has !== size && !(orMore && has > size)) {
      this.#wrongSize(name, `${orMore ? 'at least ' : ''}${size}`);
    }
  }

  #wrongSize(name: string, wanted: string): never {
    const problem = `${this.end - this.start} bytes, expected ${wanted}`;
    throw new NetlinkDecodeError('BAD_SIZE', name, this.start, problem);
  }
}
