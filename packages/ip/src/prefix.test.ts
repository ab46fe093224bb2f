import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareAddresses, isMapped, parseAddress, unmap } from './address.ts';
import {
  addressAt,
  aggregate,
  contains,
  formatPrefix,
  lastAddress,
  network,
  overlaps,
  type Prefix,
  parseNetwork,
  parsePrefix,
} from './prefix.ts';
import { formatAddress } from './text.ts';

const prefix = (text: string): Prefix => parsePrefix(text)!;
const anyPrefix = fc
  .tuple(
    fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
    fc.nat(128),
  )
  .map(([address, length]) => ({ address, length: Math.min(length, address.length * 8) }));
const number = (bytes: Uint8Array) => bytes.reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n);

describe('parsePrefix() and parseNetwork()', () => {
  test.each([
    ['10.244.1.0/24', '10.244.1.0/24', '10.244.1.0/24'],
    ['10.244.1.9/24', '10.244.1.9/24', '10.244.1.0/24'],
    ['10.0.0.1', '10.0.0.1/32', '10.0.0.1/32'],
    ['10.0.0.1/08', '10.0.0.1/8', '10.0.0.0/8'],
    ['10.1.2.3/020', '10.1.2.3/20', '10.1.0.0/20'],
    ['1.2.3.4/0', '1.2.3.4/0', '0.0.0.0/0'],
    ['FD00:0:0:1::/64', 'fd00:0:0:1::/64', 'fd00:0:0:1::/64'],
    ['fd00:10:244:1:0:0:0:5/64', 'fd00:10:244:1::5/64', 'fd00:10:244:1::/64'],
    ['::', '::/128', '::/128'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1/128', '::ffff:10.0.0.1/128'],
    ['::ffff:10.0.0.1/112', '::ffff:10.0.0.1/112', '::ffff:10.0.0.0/112'],
  ])('parsePrefix() reads %s as %s, parseNetwork() as %s', (text, withHost, withoutHost) => {
    expect(formatPrefix(parsePrefix(text)!)).toBe(withHost);
    expect(formatPrefix(parseNetwork(text)!)).toBe(withoutHost);
  });

  test.each([
    '',
    'x',
    '/8',
    '/24',
    '010.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/0033',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/+1',
    '10.0.0.0/ 8',
    '10.0.0.0/8 ',
    '10.0.0.0/8/8',
    '10.0.0.0/0x8',
    '10.0.0.0/255.0.0.0',
    '::/129',
    '::/1e1',
    'fe80::%eth0/64',
  ])('parsePrefix() and parseNetwork() refuse %j', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
    expect(parseNetwork(text)).toBeUndefined();
  });

  test('parsePrefix() refuses leading zeros in the length when the caller asks for it', () => {
    const rules = { leadingZeros: false };
    expect(parsePrefix('10.0.0.0/08', rules)).toBeUndefined();
    expect(parsePrefix('10.0.0.0/00', rules)).toBeUndefined();
    expect(parsePrefix('10.0.0.0/0', rules)?.length).toBe(0);
    expect(parsePrefix('10.0.0.0/10', rules)?.length).toBe(10);
  });

  test('parsePrefix() reads back what formatPrefix() writes', () => {
    fc.assert(
      fc.property(anyPrefix, (any) => {
        expect(parsePrefix(formatPrefix(any))).toEqual(any);
      }),
    );
  });
});

test('network(), addressAt() and lastAddress() agree with BigInt', () => {
  fc.assert(
    fc.property(anyPrefix, fc.nat(), ({ address, length }, index) => {
      const bits = address.length * 8;
      const host = (1n << BigInt(bits - length)) - 1n;
      const first = number(address) & ~host;
      expect(number(network(address, length).address)).toBe(first);
      expect(number(lastAddress({ address, length }))).toBe(first | host);
      expect(number(addressAt({ address, length }, index))).toBe(BigInt.asUintN(bits, first + BigInt(index)));
    }),
  );
});

test.each([
  ['10.1.2.3/24', 1, '10.1.2.1'],
  ['10.1.2.3/20', 1, '10.1.0.1'],
  ['10.1.2.255/32', 1, '10.1.3.0'],
  ['10.1.2.0/24', 256, '10.1.3.0'],
  ['192.0.2.9/0', 0, '0.0.0.0'],
  ['fd00::1:2/112', 1, 'fd00::1:1'],
])('addressAt(%s, %i) is %s', (text, index, expected) => {
  expect(formatAddress(addressAt(prefix(text), index))).toBe(expected);
});

test('network() leaves the bytes of its argument alone', () => {
  const address = parseAddress('10.1.2.3')!;
  network(address, 8);
  network(address, 32).address[3] = 9;
  expect(formatAddress(address)).toBe('10.1.2.3');
});

test.each([
  ['10.0.0.0/8', '10.9.0.0/16', true],
  ['10.9.0.0/16', '10.0.0.0/8', false],
  ['10.0.0.0/24', '10.0.1.0/24', false],
  ['10.0.0.1/24', '10.0.0.200/24', true],
  ['10.0.0.32/27', '10.0.0.31/32', false],
  ['0.0.0.0/0', '::/0', false],
  ['fd00::/64', 'fd00::7', true],
])('contains(%s, %s) is %s', (outer, inner, expected) => {
  expect(contains(prefix(outer), prefix(inner))).toBe(expected);
});

test.each<[string, (value: never) => unknown]>([
  ['formatAddress()', (value) => formatAddress(value)],
  ['isMapped()', (value) => isMapped(value)],
  ['unmap()', (value) => unmap(value)],
  ['compareAddresses()', (value) => compareAddresses(value, new Uint8Array(4))],
  ['formatPrefix()', (value) => formatPrefix({ address: value, length: 24 })],
  ['network()', (value) => network(value, 24)],
  ['addressAt()', (value) => addressAt({ address: value, length: 24 }, 1)],
  ['lastAddress()', (value) => lastAddress({ address: value, length: 24 })],
  ['overlaps()', (value) => overlaps({ address: value, length: 24 }, prefix('10.0.0.0/8'))],
])('%s throws for text and for bytes that are not an address', (_, call) => {
  for (const value of ['10.0.0.1', '::ff', '::1', new Uint8Array(6), undefined]) {
    expect(() => call(value as never)).toThrow(TypeError);
  }
});

test('formatAddress() names text in place of bytes', () => {
  expect(() => formatAddress('10.0.0.1' as never)).toThrow(
    'Invalid address "10.0.0.1": expected 4 or 16 bytes, as parseAddress() returns them',
  );
});

test('contains() throws for text in place of a prefix, which no address would match', () => {
  const [outer, inner] = ['10.0.0.0/8', '10.0.0.1'] as unknown as [Prefix, Prefix];
  expect(() => contains(outer, inner)).toThrow(TypeError);
  expect(() => contains(prefix('10.0.0.0/8'), inner)).toThrow(TypeError);
});

test('contains() takes an address as well', () => {
  expect(contains(prefix('10.0.0.0/27'), parseAddress('10.0.0.31')!)).toBe(true);
  expect(contains(prefix('10.0.0.0/27'), parseAddress('10.0.0.32')!)).toBe(false);
  expect(contains(prefix('0.0.0.0/0'), parseAddress('::')!)).toBe(false);
  expect(contains(prefix('::/0'), parseAddress('::1')!)).toBe(true);
});

test.each([
  ['10.0.0.1/24', '10.0.0.200/24', true],
  ['10.0.0.1/24', '10.0.1.1/24', false],
  ['10.0.0.1/23', '10.0.1.1/24', true],
  ['10.0.0.1/8', '10.255.0.1/30', true],
  ['10.0.0.1/27', '10.0.0.33/27', false],
  ['10.0.0.1/27', '10.0.0.31/32', true],
  ['0.0.0.0/0', '192.0.2.1/32', true],
  ['fd00::1/64', 'fd00::2/64', true],
  ['fd00::1/64', 'fd00:0:0:1::1/64', false],
  ['fd00::1/60', 'fd00:0:0:f::1/64', true],
  ['fd00::1/64', '10.0.0.1/8', false],
])('overlaps(%s, %s) is %s, in either order', (a, b, expected) => {
  expect(overlaps(prefix(a), prefix(b))).toBe(expected);
  expect(overlaps(prefix(b), prefix(a))).toBe(expected);
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
    [['0.0.0.0/1', '128.0.0.0/1'], ['0.0.0.0/0']],
    [
      ['10.0.0.0/25', '10.0.0.128/25', '10.0.1.0/24', 'fd00::/65', 'fd00::8000:0:0:0/65'],
      ['10.0.0.0/23', 'fd00::/64'],
    ],
  ])('aggregate() turns %j into %j', (given, expected) => {
    expect(aggregate(given.map(prefix)).map(formatPrefix)).toEqual(expected);
  });

  test('aggregate() covers exactly the given addresses and leaves nothing to merge', () => {
    const small = fc.record({
      value: fc.integer({ min: 0, max: 63 }),
      length: fc.integer({ min: 26, max: 32 }),
    });
    fc.assert(
      fc.property(fc.array(small, { maxLength: 20 }), (given) => {
        const networks = given.map(({ value, length }) => parseNetwork(`10.0.0.${value}/${length}`)!);
        const merged = aggregate(networks);
        for (let host = 0; host < 64; host++) {
          const address = parseAddress(`10.0.0.${host}`)!;
          expect(merged.some((p) => contains(p, address))).toBe(networks.some((p) => contains(p, address)));
        }
        expect(aggregate(merged)).toEqual(merged);
      }),
    );
  });
});
