import { describe, expect, test } from 'vitest';
import { formatMac, macBytes } from './mac.ts';

describe('macBytes()', () => {
  test.each([
    '02:00:00:00:00:01',
    'ff:ff:ff:ff:ff:ff',
    '00',
    '00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13',
  ])('macBytes() is the inverse of formatMac() for %s', (text) => {
    expect(formatMac(macBytes(text, 'MAC'))).toBe(text);
  });

  test('macBytes() accepts capital letters', () => {
    expect(macBytes('0A:FF', 'MAC')).toEqual(Uint8Array.of(10, 255));
  });

  test.each(['', '0', '00:', ':00', '0:0', '00-01', '00:0g', '00:01:', '00 01', '000', '00:'.repeat(33)])(
    'refuses %j, naming the address',
    (text) => {
      expect(() => macBytes(text, 'Peer MAC')).toThrow(
        expect.objectContaining({ name: 'NetlinkEncodeError', code: 'BAD_ADDRESS' }),
      );
    },
  );
});
