import { type AddressBytes, writeAddress } from '@cnikit/ip';
import { type ByteOrder, writeU16, writeU32 } from './bytes.ts';
import { NetlinkEncodeError } from './errors.ts';
import { macBytes } from './mac.ts';
import { encodeText, nameBytes } from './text.ts';

/** Size of `struct nlattr` and of `struct nlmsghdr`, in bytes. */
export const NLA_HDRLEN = 4;
export const NLMSG_HDRLEN = 16;
/** Set in the type of an attribute that holds attributes. Older rtnetlink attributes come and go without it. */
export const NLA_F_NESTED = 0x8000;
export const NLA_F_NET_BYTEORDER = 0x4000;
export const NLA_TYPE_MASK = 0x3fff;

/**
 * Writes the body of a message: fixed header fields by the `put` methods, then
 * attributes, each padded to four bytes. The buffer grows by doubling and is kept
 * by `reset`, so one encoder serves many messages without allocating.
 */
export class Encoder {
  readonly order: ByteOrder;
  readonly #little: boolean;
  #bytes: Uint8Array;
  /** Of `bytes`, which QuickJS has to call a function to say. */
  #capacity: number;
  #at = 0;

  constructor(order: ByteOrder = 'little', capacity = 256) {
    this.order = order;
    this.#little = order === 'little';
    this.#bytes = new Uint8Array(capacity);
    this.#capacity = capacity;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** Empties it, and keeps the buffer. */
  reset(): this {
    this.#at = 0;
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** One byte. Throws NetlinkEncodeError when the value does not fit, as all integers here do. */
  putU8(value: number): this {
    if ((value & 0xff) !== value) {
      misfit(value, 'u8');
    }
    const at = this.#room(1);
    this.#bytes[at] = value;
    return this;
  }

  /** Two bytes in the byte order of the message. */
  putU16(value: number): this {
    if ((value & 0xffff) !== value) {
      misfit(value, 'u16');
    }
    const at = this.#room(2);
    writeU16(this.#bytes, at, value, this.#little);
    return this;
  }

  /** Four bytes in the byte order of the message. */
  putU32(value: number): this {
    if (value >>> 0 !== value) {
      misfit(value, 'u32');
    }
    const at = this.#room(4);
    writeU32(this.#bytes, at, value, this.#little);
    return this;
  }

  /** Four bytes in the byte order of the message, signed. */
  putI32(value: number): this {
    if ((value | 0) !== value) {
      misfit(value, 's32');
    }
    const at = this.#room(4);
    writeU32(this.#bytes, at, value, this.#little);
    return this;
  }

  /** Eight bytes in the byte order of the message. */
  putU64(value: number | bigint): this {
    const big = unsigned64(value);
    const low = Number(big & 0xffffffffn);
    const high = Number(big >> 32n);
    const at = this.#room(8);
    writeU32(this.#bytes, this.#little ? at : at + 4, low, this.#little);
    writeU32(this.#bytes, this.#little ? at + 4 : at, high, this.#little);
    return this;
  }

  /** Two bytes in network byte order. */
  putBe16(value: number): this {
    if ((value & 0xffff) !== value) {
      misfit(value, 'be16');
    }
    const at = this.#room(2);
    writeU16(this.#bytes, at, value, false);
    return this;
  }

  /** Four bytes in network byte order. */
  putBe32(value: number): this {
    if (value >>> 0 !== value) {
      misfit(value, 'be32');
    }
    const at = this.#room(4);
    writeU32(this.#bytes, at, value, false);
    return this;
  }

  /** The bytes as they are, unpadded. */
  putBytes(value: Uint8Array): this {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** So many bytes of 0. */
  putZeros(count: number): this {
    const at = this.#room(count);
    this.#bytes.fill(0, at, at + count);
    return this;
  }

  /** Overwrites two earlier bytes: a length that is known only now. */
  patchU16(at: number, value: number): this {
    writeU16(this.#bytes, at, value, this.#little);
    return this;
  }

  /** An attribute without value: its presence is the value. */
  flag(type: number): this {
    this.#header(type, 0);
    return this;
  }

  /** An attribute of one byte. */
  u8(type: number, value: number): this {
    if ((value & 0xff) !== value) {
      misfit(value, 'u8', type);
    }
    const at = this.#header(type, 1);
    this.#bytes[at] = value;
    return this;
  }

  /** An attribute of two bytes in the byte order of the message. */
  u16(type: number, value: number): this {
    if ((value & 0xffff) !== value) {
      misfit(value, 'u16', type);
    }
    const at = this.#header(type, 2);
    writeU16(this.#bytes, at, value, this.#little);
    return this;
  }

  /** An attribute of four bytes in the byte order of the message. */
  u32(type: number, value: number): this {
    if (value >>> 0 !== value) {
      misfit(value, 'u32', type);
    }
    const at = this.#header(type, 4);
    writeU32(this.#bytes, at, value, this.#little);
    return this;
  }

  /** An attribute of four bytes in the byte order of the message, signed. */
  i32(type: number, value: number): this {
    if ((value | 0) !== value) {
      misfit(value, 's32', type);
    }
    const at = this.#header(type, 4);
    writeU32(this.#bytes, at, value, this.#little);
    return this;
  }

  /** An attribute of eight bytes in the byte order of the message. */
  u64(type: number, value: number | bigint): this {
    const token = this.nest(type);
    return this.putU64(value).end(token);
  }

  /** An attribute of two bytes in network byte order. */
  be16(type: number, value: number): this {
    if ((value & 0xffff) !== value) {
      misfit(value, 'be16', type);
    }
    const at = this.#header(type, 2);
    writeU16(this.#bytes, at, value, false);
    return this;
  }

  /** An attribute of four bytes in network byte order. */
  be32(type: number, value: number): this {
    if (value >>> 0 !== value) {
      misfit(value, 'be32', type);
    }
    const at = this.#header(type, 4);
    writeU32(this.#bytes, at, value, false);
    return this;
  }

  /** An attribute of eight bytes in network byte order. */
  be64(type: number, value: number | bigint): this {
    const big = unsigned64(value);
    const at = this.#header(type, 8);
    writeU32(this.#bytes, at, Number(big >> 32n), false);
    writeU32(this.#bytes, at + 4, Number(big & 0xffffffffn), false);
    return this;
  }

  /** UTF-8 with a NUL at its end, which `limit` counts (IFNAMSIZ is 16). */
  string(type: number, value: string, limit = 0xfff0): this {
    const bytes = nameBytes(value);
    const problem =
      bytes.length > limit
        ? ` is longer than ${limit - 1} bytes`
        : value.includes('\0')
          ? ' has a NUL in it'
          : '';
    if (problem !== '') {
      throw new NetlinkEncodeError(
        bytes.length > limit ? 'TOO_LONG' : 'BAD_VALUE',
        JSON.stringify(value) + problem,
      );
    }
    return this.raw(type, bytes);
  }

  /** An attribute with these bytes. */
  raw(type: number, value: Uint8Array): this {
    const at = this.#header(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** A hardware address, `02:00:00:00:00:01`; `what` names it in the error when it is none. */
  mac(type: number, value: string, what: string): this {
    return this.raw(type, macBytes(value, what));
  }

  /** An IP address of either family; gives 4 or 16. `what` names it in the error: "gateway". */
  address(type: number, value: string | AddressBytes, what: string): number {
    return typeof value === 'string'
      ? this.addressText(type, value, 0, value.length, what)
      : this.raw(type, value).#checkAddress(value.length, value, what);
  }

  /** The address in `text[from, to)`, so that a prefix need not be cut into pieces first. */
  addressText(type: number, text: string, from: number, to: number, what: string): number {
    const start = this.#header(type, 16);
    const size = writeAddress(text, from, to, this.#bytes, start);
    if (size === 4) {
      this.#at -= 12;
      writeU16(this.#bytes, start - NLA_HDRLEN, NLA_HDRLEN + 4, this.#little);
    }
    return this.#checkAddress(size, text, what);
  }

  #checkAddress(size: number, value: unknown, what: string): number {
    if (size === 4 || size === 16) {
      return size;
    }
    throw new NetlinkEncodeError('BAD_ADDRESS', `${what} ${JSON.stringify(value)} is no IP address`);
  }

  /** An address as bytes alone. */
  putAddress(text: string, what: string): this {
    const at = this.#room(16);
    this.#at = at + this.#checkAddress(writeAddress(text, 0, text.length, this.#bytes, at), text, what);
    return this;
  }

  /** Opens an attribute that holds others, or put fields; gives the token for `end`. */
  nest(type: number): number {
    const token = this.#room(NLA_HDRLEN);
    writeU16(this.#bytes, token + 2, type, this.#little);
    return token;
  }

  /** Closes what `nest` opened: sets its length and pads it. */
  end(token: number): this {
    const length = this.#at - token;
    if (length > 0xffff) {
      throw new NetlinkEncodeError('TOO_LONG', `Attribute of ${length} bytes; 65535 fit`);
    }
    writeU16(this.#bytes, token, length, this.#little);
    const padding = -length & 3;
    return padding === 0 ? this : this.putZeros(padding);
  }

  /** Text without a NUL. */
  putText(value: string): this {
    // A unit of UTF-16 takes three bytes at most; one of a pair of surrogates takes two.
    const at = this.#room(3 * value.length);
    this.#at = encodeText(value, this.#bytes, at);
    return this;
  }

  /** Takes back what was written from `length` on: a nest that stayed empty. */
  rewind(length: number): this {
    this.#at = length;
    return this;
  }

  /** Overwrites an earlier byte, for header fields known only later (a prefix length). */
  patchU8(at: number, value: number): this {
    this.#bytes[at] = value;
    return this;
  }

  /** Attribute header plus room for `size` bytes of value with their padding zeroed; gives the value's position. */
  #header(type: number, size: number): number {
    const length = NLA_HDRLEN + size;
    if (length > 0xffff) {
      throw new NetlinkEncodeError('TOO_LONG', `Attribute of ${length} bytes; 65535 fit`);
    }
    const at = this.#room((length + 3) & ~3);
    const bytes = this.#bytes;
    if (this.#little) {
      bytes[at] = length;
      bytes[at + 1] = length >>> 8;
      bytes[at + 2] = type;
      bytes[at + 3] = type >>> 8;
    } else {
      writeU16(bytes, at, length, false);
      writeU16(bytes, at + 2, type, false);
    }
    for (let pad = at + length; pad < this.#at; pad++) {
      bytes[pad] = 0;
    }
    return at + NLA_HDRLEN;
  }

  /** Its result goes into a variable first: `this.#bytes` may be another buffer afterwards. */
  #room(size: number): number {
    const at = this.#at;
    const end = at + size;
    this.#at = end;
    if (end > this.#capacity) {
      this.#grow();
    }
    return at;
  }

  #grow(): void {
    this.#capacity = Math.max(this.#at, this.#capacity * 2);
    const bigger = new Uint8Array(this.#capacity);
    bigger.set(this.#bytes);
    this.#bytes = bigger;
  }
}

/** Rather an error than the low bits of a value, set silently. */
function misfit(value: unknown, kind: string, type?: number): never {
  const where = type === undefined ? 'the message header' : `attribute ${type & NLA_TYPE_MASK}`;
  throw new NetlinkEncodeError('BAD_VALUE', `${String(value)} is no ${kind}, which ${where} needs`);
}

function unsigned64(value: number | bigint): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    misfit(value, 'u64');
  }
  const big = BigInt(value);
  if (BigInt.asUintN(64, big) !== big) {
    misfit(value, 'u64');
  }
  return big;
}
