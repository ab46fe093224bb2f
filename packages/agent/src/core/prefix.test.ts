import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aggregate,
  contains,
  formatAddress,
  formatPrefix,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
} from './prefix.ts';

describe('parsePrefix()', () => {
  test.each([
    ['10.244.1.0/24', '10.244.1.0/24'],
    ['10.244.1.9/24', '10.244.1.0/24'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['FD00:0:0:1::/64', 'fd00:0:0:1::/64'],
    ['fd00:10:244:1:0:0:0:5/64', 'fd00:10:244:1::/64'],
    ['::', '::/128'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1/128'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3/128'],
  ])('canonicalises %s', (text, want) => {
    expect(formatPrefix(parsePrefix(text)!)).toBe(want);
  });

  test.each([
    '',
    'x',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '1::2::3',
    '1:2:3',
    'fe80::1%eth0',
    ':::',
    '1:2:3:4:5:6:7:8:9',
    '::1/129',
    '12345::',
  ])('refuses %j', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });

  test('reads back what formatAddress() writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.boolean(), (raw, six) => {
        const address = six
          ? ({ family: 'ipv6', bytes: raw } as const)
          : ({ family: 'ipv4', bytes: raw.slice(0, 4) } as const);
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });
});

const prefix = (text: string): Prefix => parsePrefix(text)!;

describe('contains() and overlaps()', () => {
  test.each([
    ['10.0.0.0/8', '10.9.0.0/16', true, true],
    ['10.9.0.0/16', '10.0.0.0/8', false, true],
    ['10.0.0.0/24', '10.0.1.0/24', false, false],
    ['0.0.0.0/0', '::/0', false, false],
  ])('%s, %s', (a, b, inside, shared) => {
    expect([contains(prefix(a), prefix(b)), overlaps(prefix(a), prefix(b))]).toEqual([inside, shared]);
  });
});

describe('aggregate()', () => {
  test.each([
    [[], []],
    [['10.0.0.0/24', '10.0.1.0/24'], ['10.0.0.0/23']],
    [
      ['10.0.1.0/24', '10.0.2.0/24'],
      ['10.0.1.0/24', '10.0.2.0/24'],
    ],
    [['10.0.0.0/8', '10.1.0.0/16', '10.0.0.0/8'], ['10.0.0.0/8']],
    [
      ['10.0.0.0/25', '10.0.0.128/25', '10.0.1.0/24', 'fd00::/65', 'fd00::8000:0:0:0/65'],
      ['10.0.0.0/23', 'fd00::/64'],
    ],
  ])('%j', (given, want) => {
    expect(aggregate(given.map(prefix)).map(formatPrefix)).toEqual(want);
  });

  test('covers exactly what it was given, with nothing left to merge', () => {
    const small = fc.record({
      value: fc.integer({ min: 0, max: 63 }),
      length: fc.integer({ min: 26, max: 32 }),
    });
    fc.assert(
      fc.property(fc.array(small, { maxLength: 20 }), (given) => {
        const prefixes = given.map(({ value, length }) => parsePrefix(`10.0.0.${value}/${length}`)!);
        const merged = aggregate(prefixes);
        for (let host = 0; host < 64; host++) {
          const address = parseAddress(`10.0.0.${host}`)!;
          expect(merged.some((p) => contains(p, address))).toBe(prefixes.some((p) => contains(p, address)));
        }
        expect(aggregate(merged)).toEqual(merged);
      }),
    );
  });
});
