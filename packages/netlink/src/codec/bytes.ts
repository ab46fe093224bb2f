import { readI32 } from '#native';

export { readI32, readU16, writeU16, writeU32 } from '#native';

/**
 * Byte order of a netlink peer: the kernel's native order, `little` on every machine that cnikit supports.
 */
export type ByteOrder = 'little' | 'big';

/** The body of a message in a buffer, without the 16-byte header. */
export interface Payload {
  readonly bytes: Uint8Array;
  /** First byte of the body. */
  readonly start: number;
  /** Position after the last byte. */
  readonly end: number;
  readonly order: ByteOrder;
}

/** Returns a whole buffer as one body. */
export function payloadOf(bytes: Uint8Array, order: ByteOrder = 'little'): Payload {
  return { bytes, start: 0, end: bytes.length, order };
}

export function readU32(bytes: Uint8Array, at: number, little: boolean): number {
  return readI32(bytes, at, little) >>> 0;
}

/** Returns a number up to 2^53 - 1, a bigint beyond. */
export function readU64(bytes: Uint8Array, at: number, little: boolean): number | bigint {
  const high = readU32(bytes, little ? at + 4 : at, little);
  const low = readU32(bytes, little ? at : at + 4, little);
  return high < 0x200000 ? high * 0x100000000 + low : (BigInt(high) << 32n) | BigInt(low);
}
