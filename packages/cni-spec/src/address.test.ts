import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCidr, formatIp, parseCidr, parseIp } from './address.ts';

const canonical = (text: string) => {
  const bytes = parseIp(text);
  return bytes && formatIp(bytes);
};

describe('parseIp() and formatIp()', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['FD00:0:0::5', 'fd00::5'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:10.7.0.5', '10.7.0.5'],
    ['::10.7.0.5', '::a07:5'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('reads %s as %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });
  test.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1.1',
    '1:2',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    'g::',
    '12345::',
    'fe80::1%eth0',
    '1.2.3.4::',
    '::1.2.3',
    ':1',
    '1:',
    ' ::1',
  ])('refuses %j', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });
  test("are each other's inverse", () => {
    const byte = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(byte, { minLength: 4, maxLength: 4 }),
          fc.array(byte, { minLength: 16, maxLength: 16 }),
        ),
        (bytes) => {
          const text = formatIp(bytes);
          expect(canonical(text)).toBe(text);
          if (text.includes(':') === (bytes.length === 16)) {
            expect(parseIp(text)?.length).toBe(bytes.length);
          }
        },
      ),
    );
  });
});

describe('parseCidr()', () => {
  test.each([
    ['10.7.0.5/8', '10.7.0.5/8'],
    ['::/0', '::/0'],
    ['::ffff:10.7.0.5/120', '10.7.0.5/24'],
    ['::ffff:10.7.0.5/64', '10.7.0.5/0'],
  ])('reads %s as %s', (text, expected) => {
    const cidr = parseCidr(text);
    expect(cidr && formatCidr(cidr)).toBe(expected);
  });
  test.each([
    '10.7.0.5',
    '10.7.0.5/',
    '10.7.0.5/33',
    '10.7.0.5/-1',
    '10.7.0.5/ 8',
    '::/129',
    '/8',
    '10.7.0.5/24/24',
    '10.7.0.5/0x8',
  ])('refuses %j', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});
