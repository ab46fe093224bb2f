import { type AddressBytes, writeAddress } from '@cnikit/ip';
import { plainLength, writeHeader, writeMac, writePlain } from '#native';
import { writeU16, writeU32 } from './bytes.ts';
import { NetlinkEncodeError } from './errors.ts';
import { FieldWriter, misfit, unsigned64 } from './field-writer.ts';
import { refuseMac } from './mac.ts';
import { nameBytes } from './text.ts';

/** Size of `struct nlattr` and of `struct nlmsghdr`, in bytes. */
export const NLA_HDRLEN = 4;
export const NLMSG_HDRLEN = 16;
/** Flag in the type of an attribute that contains attributes. Older rtnetlink attributes do not have it. */
export const NLA_F_NESTED = 0x8000;
export const NLA_F_NET_BYTEORDER = 0x4000;
/** Bytes of the longest hardware address (linux/netdevice.h). */
const MAX_ADDR_LEN = 32;

/** Writes the body of a message: fixed header fields with the `put` methods, then attributes, each padded to four bytes. */
export class Encoder extends FieldWriter {
  /** An attribute without value: its presence is the value. */
  flag(type: number): this {
    this.#header(type, 0);
    return this;
  }

  /** An attribute of one byte. */
  u8(type: number, value: number, what?: string): this {
    if ((value & 0xff) !== value) {
      misfit(value, 'u8', type, what);
    }
    const at = this.#header(type, 1);
    this.bytes[at] = value;
    return this;
  }

  /** An attribute of two bytes in the byte order of the message. */
  u16(type: number, value: number, what?: string): this {
    if ((value & 0xffff) !== value) {
      misfit(value, 'u16', type, what);
    }
    const at = this.#header(type, 2);
    writeU16(this.bytes, at, value, this.little);
    return this;
  }

  /** An attribute of four bytes in the byte order of the message. */
  u32(type: number, value: number, what?: string): this {
    if (value >>> 0 !== value) {
      misfit(value, 'u32', type, what);
    }
    const at = this.#header(type, 4);
    writeU32(this.bytes, at, value, this.little);
    return this;
  }

  /** An attribute of four bytes in the byte order of the message, signed. */
  i32(type: number, value: number): this {
    if ((value | 0) !== value) {
      misfit(value, 's32', type);
    }
    const at = this.#header(type, 4);
    writeU32(this.bytes, at, value, this.little);
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
    writeU16(this.bytes, at, value, false);
    return this;
  }

  /** An attribute of four bytes in network byte order. */
  be32(type: number, value: number): this {
    if (value >>> 0 !== value) {
      misfit(value, 'be32', type);
    }
    const at = this.#header(type, 4);
    writeU32(this.bytes, at, value, false);
    return this;
  }

  /** An attribute of eight bytes in network byte order. */
  be64(type: number, value: number | bigint): this {
    const big = unsigned64(value);
    const at = this.#header(type, 8);
    writeU32(this.bytes, at, Number(big >> 32n), false);
    writeU32(this.bytes, at + 4, Number(big & 0xffffffffn), false);
    return this;
  }

  /** An attribute of UTF-8 text and a NUL, at most `limit` bytes with the NUL (IFNAMSIZ is 16). */
  string(type: number, value: string, limit = 0xfff0): this {
    if (typeof value !== 'string') {
      throw new NetlinkEncodeError('BAD_VALUE', `${JSON.stringify(value)} is not text`);
    }
    const length = plainLength(value);
    if (length >= 0 && length < limit) {
      const at = this.#header(type, length + 1);
      writePlain(value, this.bytes, at);
      this.bytes[at + length] = 0;
      return this;
    }
    const bytes = nameBytes(value);
    const problem =
      bytes.length > limit
        ? ` is longer than ${limit - 1} bytes`
        : value.includes('\0')
          ? ' contains a NUL'
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
    this.bytes.set(value, at);
    return this;
  }

  /** A hardware address, `02:00:00:00:00:01`; `what` names it in errors. */
  mac(type: number, value: string, what: string): this {
    const at = this.#header(type, Math.min(Math.floor((value.length + 1) / 3), MAX_ADDR_LEN));
    if (writeMac(value, this.bytes, at) === 0) {
      refuseMac(value, what);
    }
    return this;
  }

  /** An attribute with an IP address. Returns its size, 4 or 16. `what` names it in errors: "gateway". */
  address(type: number, value: string | AddressBytes, what: string): number {
    return typeof value === 'string'
      ? this.addressText(type, value, 0, value.length, what)
      : this.raw(type, value).#checkAddress(value.length, value, what);
  }

  /** Like `address()`, for the address in `text[from, to)`, such as that of a prefix. */
  addressText(type: number, text: string, from: number, to: number, what: string): number {
    const start = this.#header(type, 16);
    const size = writeAddress(text, from, to, this.bytes, start);
    if (size === 4) {
      this.at -= 12;
      writeU16(this.bytes, start - NLA_HDRLEN, NLA_HDRLEN + 4, this.little);
    }
    return this.#checkAddress(size, text, what);
  }

  #checkAddress(size: number, value: unknown, what: string): number {
    if (size === 4 || size === 16) {
      return size;
    }
    throw new NetlinkEncodeError('BAD_ADDRESS', `${what} ${JSON.stringify(value)} is not an IP address`);
  }

  /** Writes the bytes of an IP address without an attribute header. */
  putAddress(text: string, what: string): this {
    const at = this.room(16);
    this.at = at + this.#checkAddress(writeAddress(text, 0, text.length, this.bytes, at), text, what);
    return this;
  }

  /** Opens an attribute that contains attributes or `put` fields. Returns the token for `end()`. */
  nest(type: number): number {
    const token = this.room(NLA_HDRLEN);
    writeU16(this.bytes, token + 2, type, this.little);
    return token;
  }

  /** Closes an attribute that `nest()` opened: sets its length and pads it. */
  end(token: number): this {
    const length = this.at - token;
    if (length > 0xffff) {
      throw new NetlinkEncodeError('TOO_LONG', `Attribute too long: ${length} bytes, maximum 65535`);
    }
    writeU16(this.bytes, token, length, this.little);
    const padding = -length & 3;
    return padding === 0 ? this : this.putZeros(padding);
  }

  /** Writes an attribute header and zeroed padding. Returns the position for a value of `size` bytes. */
  #header(type: number, size: number): number {
    const length = NLA_HDRLEN + size;
    if (length > 0xffff) {
      throw new NetlinkEncodeError('TOO_LONG', `Attribute too long: ${length} bytes, maximum 65535`);
    }
    const at = this.room((length + 3) & ~3);
    writeHeader(this.bytes, at, length, type, this.little);
    return at + NLA_HDRLEN;
  }
}
