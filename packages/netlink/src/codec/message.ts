import { writeMessage } from '#native';
import { type ByteOrder, type Payload, readI32, readU16 } from './bytes.ts';
import { NLMSG_HDRLEN } from './encoder.ts';
import { NetlinkDecodeError } from './errors.ts';
import { AttributeReader } from './reader.ts';

/** `struct nlmsghdr` (linux/netlink.h) without its length. */
export interface MessageHeader {
  type: number;
  /** NLM_F_*. */
  flags: number;
  sequence: number;
  /** Port ID; in a reply, that of the requesting socket. */
  port: number;
}

/**
 * Iterates over the messages of one datagram. After `next()` the properties are those of the message's header, and the
 * reader is the message's `Payload`.
 */
export class MessageReader implements Payload, MessageHeader {
  bytes: Uint8Array;
  readonly order: ByteOrder;
  type = 0;
  flags = 0;
  sequence = 0;
  port = 0;
  start = 0;
  end = 0;
  #position = 0;
  #limit: number;

  constructor(bytes: Uint8Array, length: number = bytes.length, order: ByteOrder = 'little') {
    this.bytes = bytes;
    this.#limit = Math.min(length, bytes.length);
    this.order = order;
  }

  /** Starts again with another datagram. */
  restart(bytes: Uint8Array, length: number): void {
    this.bytes = bytes;
    this.#limit = Math.min(length, bytes.length);
    this.#position = 0;
  }

  /** Starts again with a datagram that is exactly one valid message, and moves to it without checks. */
  restartAtOnly(bytes: Uint8Array, length: number): void {
    const little = this.order === 'little';
    this.bytes = bytes;
    this.type = readU16(bytes, 4, little);
    this.flags = readU16(bytes, 6, little);
    this.sequence = readI32(bytes, 8, little) >>> 0;
    this.port = readI32(bytes, 12, little) >>> 0;
    this.start = NLMSG_HDRLEN;
    this.end = length;
    this.#position = length;
    this.#limit = length;
  }

  /**
   * Moves to the next message; returns false at the end.
   *
   * @throws {NetlinkDecodeError} when a length field is invalid
   */
  next(): boolean {
    const at = this.#position;
    const left = this.#limit - at;
    if (left <= 0) {
      return false;
    }
    if (left < NLMSG_HDRLEN) {
      throw new NetlinkDecodeError('TRUNCATED', 'nlmsghdr', at, `${left} bytes left over`);
    }
    const little = this.order === 'little';
    const { bytes } = this;
    // readI32() is in C in the static executable, readU32() is a call more.
    const length = readI32(bytes, at, little) >>> 0;
    if (length < NLMSG_HDRLEN || length > left) {
      const problem = `message of ${length} bytes, but only ${left} are left`;
      throw new NetlinkDecodeError('BAD_LENGTH', 'nlmsghdr', at, problem);
    }
    this.type = readU16(bytes, at + 4, little);
    this.flags = readU16(bytes, at + 6, little);
    this.sequence = readI32(bytes, at + 8, little) >>> 0;
    this.port = readI32(bytes, at + 12, little) >>> 0;
    this.start = at + NLMSG_HDRLEN;
    this.end = at + length;
    this.#position = at + ((length + 3) & ~3);
    return true;
  }
}

/** Returns a message with header, body and padding. */
export function encodeMessage(
  header: MessageHeader,
  body: Uint8Array,
  order: ByteOrder = 'little',
): Uint8Array {
  const bytes = new Uint8Array((NLMSG_HDRLEN + body.length + 3) & ~3);
  const little = order === 'little';
  writeMessage(bytes, 0, header.type, header.flags, header.sequence, header.port, body, little);
  return bytes;
}

/**
 * Returns the attributes after a fixed header of `headerSize` bytes.
 *
 * @throws {NetlinkDecodeError} TRUNCATED when the body is shorter than the header
 */
export function attributesAfter(payload: Payload, headerSize: number, what: string): AttributeReader {
  const has = payload.end - payload.start;
  if (has < headerSize) {
    const problem = `${has} bytes, but the header has ${headerSize}`;
    throw new NetlinkDecodeError('TRUNCATED', what, payload.start, problem);
  }
  return new AttributeReader(payload.bytes, payload.start + headerSize, payload.end, payload.order, what);
}
