import { describe, expect, test } from 'vitest';
import { decodeAck, decodeDone, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_ERROR } from './ack.ts';
import { type ByteOrder, payloadOf } from './bytes.ts';
import { Encoder } from './encoder.ts';
import { encodeMessage, MessageReader } from './message.ts';

const flags = NLM_F_ACK_TLVS | NLM_F_CAPPED;
/** struct nlmsgerr: the number, then the request's header. */
const body = (errno: number, order: ByteOrder = 'little', echoed = 16): Encoder =>
  new Encoder(order).putI32(-errno).putU32(echoed).putZeros(12);

describe('decodeAck()', () => {
  test.each(['little', 'big'] as const)(
    'decodeAck() reads an extended acknowledgement, %s endian',
    (order) => {
      const encoder = body(22, order).string(1, 'Invalid prefix').u32(2, 36).u32(5, 4).u32(6, 20);
      const policy = encoder.nest(4);
      encoder.u32(1, 4).u64(4, 68).u64(5, 65535).end(policy);
      expect(decodeAck(payloadOf(encoder.finish(), order), flags)).toEqual({
        errno: 22,
        extack: {
          message: 'Invalid prefix',
          offset: 36,
          missingType: 4,
          missingNest: 20,
          policy: { type: 4, min: 68, max: 65535 },
        },
      });
    },
  );

  test('decodeAck() reads signed limits', () => {
    const encoder = body(34);
    const policy = encoder.nest(4);
    encoder
      .u64(2, 2n ** 64n - 128n)
      .u64(3, 127)
      .end(policy);
    expect(decodeAck(payloadOf(encoder.finish()), flags).extack?.policy).toEqual({ min: -128, max: 127 });
  });

  test('decodeAck() reads the attributes after an echoed request', () => {
    const encoder = body(17, 'little', 22).putZeros(8).string(1, 'File exists');
    expect(decodeAck(payloadOf(encoder.finish()), NLM_F_ACK_TLVS).extack?.message).toBe('File exists');
  });

  test('decodeAck() reads success', () => {
    expect(decodeAck(payloadOf(body(0).finish()), NLM_F_CAPPED)).toEqual({ errno: 0 });
  });

  test.each([
    ['no number', new Uint8Array(3), flags, 'TRUNCATED'],
    ['no header', new Uint8Array(8), flags, 'TRUNCATED'],
    ['a request that does not fit', body(1, 'little', 4000).finish(), NLM_F_ACK_TLVS, 'BAD_LENGTH'],
  ])('decodeAck() refuses %s', (_, bytes, header, code) => {
    expect(() => decodeAck(payloadOf(bytes), header)).toThrow(expect.objectContaining({ code }));
  });
});

describe('decodeDone()', () => {
  test('decodeDone() reads how a dump ended', () => {
    expect(decodeDone(payloadOf(new Uint8Array(0)), 0)).toEqual({ errno: 0 });
    expect(decodeDone(payloadOf(new Encoder().putI32(7).finish()), 0)).toEqual({ errno: 0 });
    const failed = new Encoder().putI32(-2).string(1, 'ipv4: FIB table does not exist').finish();
    expect(decodeDone(payloadOf(failed), NLM_F_ACK_TLVS)).toEqual({
      errno: 2,
      extack: { message: 'ipv4: FIB table does not exist' },
    });
  });
});

describe('MessageReader', () => {
  test.each(['little', 'big'] as const)('MessageReader reads several messages, %s endian', (order) => {
    const one = encodeMessage(
      { type: NLMSG_ERROR, flags: 3, sequence: 7, port: 4_000_000_000 },
      Uint8Array.of(1),
      order,
    );
    const two = encodeMessage({ type: 24, flags: 0, sequence: 8, port: 0 }, new Uint8Array(0), order);
    expect(one.length).toBe(20);
    const reader = new MessageReader(Uint8Array.from([...one, ...two]), 36, order);
    expect(reader.next()).toBe(true);
    expect(reader).toMatchObject({ type: 2, flags: 3, sequence: 7, port: 4_000_000_000, start: 16, end: 17 });
    expect(reader.next()).toBe(true);
    expect(reader).toMatchObject({ type: 24, sequence: 8, start: 36, end: 36 });
    expect(reader.next()).toBe(false);
  });

  test.each(['little', 'big'] as const)('MessageReader moves to an only message, %s endian', (order) => {
    const header = { type: 24, flags: 3, sequence: 7, port: 4_000_000_000 };
    const bytes = encodeMessage(header, Uint8Array.of(1, 2, 3), order);
    const wanted = new MessageReader(bytes, 19, order);
    wanted.next();
    const reader = new MessageReader(new Uint8Array(0), 0, order);
    reader.restartAtOnly(bytes, 19);
    expect(reader).toMatchObject({ ...header, start: 16, end: 19 });
    expect({ ...reader }).toEqual({ ...wanted });
    expect(reader.next()).toBe(false);
  });

  test.each([
    ['fifteen bytes', 15, 0, 'TRUNCATED'],
    ['a length below its header', 16, 15, 'BAD_LENGTH'],
    ['a length beyond the received bytes', 20, 24, 'BAD_LENGTH'],
  ])('MessageReader refuses %s', (_, size, length, code) => {
    const bytes = new Uint8Array(size);
    bytes[0] = length;
    expect(() => new MessageReader(bytes).next()).toThrow(
      expect.objectContaining({ code, what: 'nlmsghdr' }),
    );
  });
});
