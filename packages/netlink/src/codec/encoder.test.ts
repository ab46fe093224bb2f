import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteOrder } from './bytes.ts';
import { Encoder, NLA_F_NESTED } from './encoder.ts';
import { AttributeReader } from './reader.ts';

const orders: ByteOrder[] = ['little', 'big'];

/** One value of each wire form, written and read back. */
const values = fc.record({
  u8: fc.integer({ min: 0, max: 0xff }),
  u16: fc.integer({ min: 0, max: 0xffff }),
  u32: fc.nat(0xffffffff),
  i32: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  u64: fc.oneof(fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), fc.nat(Number.MAX_SAFE_INTEGER)),
  string: fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => !text.includes('\0')),
  raw: fc.uint8Array({ maxLength: 40 }),
});

describe('Encoder', () => {
  test.each(orders)('Encoder writes what AttributeReader reads, %s endian', (order) => {
    fc.assert(
      fc.property(values, ({ u8, u16, u32, i32, u64, string, raw }) => {
        const encoder = new Encoder(order, 8); // small: it has to grow
        encoder.u8(1, u8).u16(2, u16).u32(3, u32).i32(4, i32).u64(5, u64).be16(6, u16).be32(7, u32);
        encoder.be64(8, u64).string(9, string).raw(10, raw).flag(11);
        const nest = encoder.nest(12 | NLA_F_NESTED);
        encoder.string(1, string).end(nest);
        const bytes = encoder.finish();
        expect(bytes.length % 4).toBe(0);
        const reader = new AttributeReader(bytes, 0, bytes.length, order, 'test');
        const read: unknown[] = [];
        const getters: Array<() => unknown> = [
          () => reader.u8('u8'),
          () => reader.u16('u16'),
          () => reader.u32('u32'),
          () => reader.i32('i32'),
          () => reader.u64('u64'),
          () => reader.be16('be16'),
          () => reader.be32('be32'),
          () => reader.be64('be64'),
          () => reader.string(),
          () => reader.raw(),
          () => reader.end - reader.start,
          () => {
            expect(reader.nested).toBe(true);
            const inner = reader.attributes('nest');
            inner.next();
            return inner.string();
          },
        ];
        for (const get of getters) {
          expect(reader.next()).toBe(true);
          read.push(get());
        }
        expect(reader.next()).toBe(false);
        expect(read).toEqual([u8, u16, u32, i32, u64, u16, u32, u64, string, raw, 0, string]);
      }),
    );
  });

  test('Encoder writes both byte orders', () => {
    expect(new Encoder('little').u16(3, 0x1234).finish()).toEqual(
      Uint8Array.of(6, 0, 3, 0, 0x34, 0x12, 0, 0),
    );
    expect(new Encoder('big').u16(3, 0x1234).finish()).toEqual(Uint8Array.of(0, 6, 0, 3, 0x12, 0x34, 0, 0));
    expect(new Encoder('little').u64(1, 2n ** 63n).finish()).toEqual(
      Uint8Array.of(12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80),
    );
  });

  test.each(orders)('Encoder writes header fields while its buffer grows, %s endian', (order) => {
    const little = new Encoder(order, 1)
      .putU8(1)
      .putU16(2)
      .putU32(3)
      .putI32(-4)
      .putU64(5)
      .putBe16(6)
      .putBe32(7);
    little.putBytes(Uint8Array.of(8, 9)).putText('aé').putAddress('10.0.0.1', 'Address').putZeros(1);
    const fields = [[1], [0, 2], [0, 0, 0, 3], [255, 255, 255, 252], [0, 0, 0, 0, 0, 0, 0, 5]];
    const native = order === 'big' ? fields : fields.map((field) => field.toReversed());
    const rest = [0, 6, 0, 0, 0, 7, 8, 9, 0x61, 0xc3, 0xa9, 10, 0, 0, 1, 0];
    expect([...little.finish()]).toEqual([...native.flat(), ...rest]);
  });

  test('Encoder clears the padding of a reused buffer', () => {
    const encoder = new Encoder();
    encoder.raw(1, new Uint8Array(20).fill(0xff));
    expect(encoder.reset().u8(1, 1).string(2, '').finish()).toEqual(
      Uint8Array.of(5, 0, 1, 0, 1, 0, 0, 0, 5, 0, 2, 0, 0, 0, 0, 0),
    );
  });

  test.each([
    ['u8', 256],
    ['u8', -1],
    ['u16', 65536],
    ['u32', 2 ** 32],
    ['u32', -1],
    ['u32', 1.5],
    ['u32', Number.NaN],
    ['i32', 2 ** 31],
    ['be16', 65536],
    ['be32', -1],
    ['u64', -1],
    ['u64', 2 ** 53],
    ['be64', 2n ** 64n],
  ] as const)('%s() refuses %s', (method, value) => {
    const write = new Encoder()[method] as (type: number, value: number | bigint) => unknown;
    expect(() => write.call(new Encoder(), 9, value)).toThrow(
      expect.objectContaining({ name: 'NetlinkEncodeError', code: 'BAD_VALUE' }),
    );
  });

  test('Encoder refuses text with a NUL, long text and attributes over 65,535 bytes', () => {
    const encoder = new Encoder();
    expect(() => encoder.string(1, 'a\0b')).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
    expect(() => encoder.string(1, 'sixteen-bytes-xx', 16)).toThrow(
      expect.objectContaining({ code: 'TOO_LONG' }),
    );
    expect(() => encoder.raw(1, new Uint8Array(65_532))).toThrow(
      expect.objectContaining({ code: 'TOO_LONG' }),
    );
    const nest = encoder.reset().nest(1);
    encoder.putZeros(70_000);
    expect(() => encoder.end(nest)).toThrow(expect.objectContaining({ code: 'TOO_LONG' }));
  });
});

describe('AttributeReader', () => {
  test.each([
    ['a rest of three bytes', [0, 0, 0], 'TRUNCATED'],
    ['a length below its header', [3, 0, 1, 0], 'BAD_LENGTH'],
    ['a length beyond its parent', [9, 0, 1, 0, 0, 0, 0, 0], 'BAD_LENGTH'],
  ])('AttributeReader refuses %s', (_, bytes, code) => {
    const reader = new AttributeReader(Uint8Array.from(bytes), 0, bytes.length, 'little', 'rtmsg');
    expect(() => reader.next()).toThrow(
      expect.objectContaining({ name: 'NetlinkDecodeError', code, what: 'rtmsg' }),
    );
  });

  test('AttributeReader names the attribute whose size is wrong', () => {
    const reader = new AttributeReader(Uint8Array.of(6, 0, 4, 0, 1, 2, 0, 0), 0, 8, 'little', 'rtmsg');
    reader.next();
    expect(() => reader.u32('RTA_OIF')).toThrow('RTA_OIF at byte 4: 2 bytes, expected 4');
  });

  test('AttributeReader accepts a last attribute without padding', () => {
    const reader = new AttributeReader(Uint8Array.of(5, 0, 1, 0, 7), 0, 5, 'little', 'rtmsg');
    expect(reader.next() && reader.u8('x')).toBe(7);
    expect(reader.next()).toBe(false);
  });
});
