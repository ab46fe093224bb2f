import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareAddresses, familyOf, isMapped, parseAddress, unmap } from './address.ts';
import { formatAddress } from './text.ts';

const anyAddress = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // The rules of RFC 5952 are about runs of zeros.
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 })
    .map((a) => Uint8Array.from(a)),
);

describe('formatAddress()', () => {
  // RFC 5952, section 4, and the borders of each of its rules.
  test.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['1:0:0:4:5:0:0:8', '1::4:5:0:0:8'],
    ['1:0:0:4:0:0:0:8', '1:0:0:4::8'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['FD00:0:0::5', 'fd00::5'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['::192.0.2.1', '::c000:201'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['fe80::', 'fe80::'],
    ['255.255.255.255', '255.255.255.255'],
    ['0.0.0.0', '0.0.0.0'],
  ])('formatAddress() writes %s as %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text)!)).toBe(canonical);
  });

  test('formatAddress() writes text that parseAddress() reads back', () => {
    fc.assert(
      fc.property(
        anyAddress,
        (address) => Buffer.compare(parseAddress(formatAddress(address))!, address) === 0,
      ),
      { numRuns: 5000 },
    );
  });

  test('formatAddress() writes what the URL parser of the platform writes', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        // URL writes IPv4-mapped addresses in hexadecimal.
        fc.pre(address.length === 16 && !isMapped(address));
        const text = formatAddress(address);
        expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
      }),
    );
  });
});

describe('parseAddress()', () => {
  test.each([
    '',
    ':',
    ':::',
    '1',
    '1:2',
    '1:2:3',
    ':1',
    '1:',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.04',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '1.2.3.-4',
    '0x1.2.3.4',
    'example.com',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '::/',
    '::?',
    '::@',
    '::G',
    '::`',
    '::\u0141',
    ' ::1',
    '::1:',
    ':1::',
    ':1::2',
    '1:2:3:4:5:6:7:8::',
    '1:2:3:4:5:6:7::8',
    '::1.2.3',
    '1.2.3.4::',
    '1:2:3:4:5:6:7:1.2.3.4',
    'fe80::1%eth0',
    '::1/128',
    '1:2:3:4:5:6:7:8:',
    '::.1.2.3.4',
    '1::2:3:4:5:6:7:8',
  ])('parseAddress() refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test('parseAddress() accepts exactly what the isIP() of Node accepts', () => {
    const part = fc.constantFrom(':', '::', '.', '0', '1', 'ff', 'FFFF', '255', '10', '256', '00', 'g', '/');
    const text = fc.array(part, { maxLength: 18 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (candidate) => {
        const length = parseAddress(candidate)?.length ?? 0;
        return { 0: 0, 4: 4, 16: 6 }[length] === isIP(candidate);
      }),
      { numRuns: 20_000 },
    );
  });
});

test.each([
  ['10.0.0.1', 'ipv4'],
  ['10.0.0.0/8', 'ipv4'],
  ['fd00::1', 'ipv6'],
  ['::ffff:10.0.0.1', 'ipv6'],
])('familyOf() returns the family of %s, as text and as bytes', (text, family) => {
  expect(familyOf(text)).toBe(family);
  expect(familyOf(parseAddress(text.split('/')[0]!)!)).toBe(family);
});

test.each([
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['::ffff:a01:203', '10.1.2.3'],
  ['::fffe:10.1.2.3', '::fffe:a01:203'],
  ['1::ffff:10.1.2.3', '1::ffff:a01:203'],
  ['10.1.2.3', '10.1.2.3'],
])('unmap() turns %s into %s', (text, expected) => {
  expect(formatAddress(unmap(parseAddress(text)!))).toBe(expected);
});

test('compareAddresses() orders IPv4 before IPv6, and by value', () => {
  const sorted = ['0.0.0.0', '9.255.0.0', '10.0.0.0', '10.0.0.1', '::', '1::', 'fd00::1'];
  const shuffled = sorted.map((text) => parseAddress(text)!).reverse();
  expect(shuffled.sort(compareAddresses).map((bytes) => formatAddress(bytes))).toEqual(sorted);
});
