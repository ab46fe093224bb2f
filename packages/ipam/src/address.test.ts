import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addressBeside,
  compareAddresses,
  distance,
  firstOf,
  formatAddress,
  formatSubnet,
  lastOf,
  parseAddress,
  parseSubnet,
  type Subnet,
} from './address.ts';

const word = fc.integer({ min: 0, max: 0xffffffff });
const sparse = fc.oneof(word, fc.constantFrom(0, 1, 0xffff, 0x10000, 0xffffffff));
const v4 = fc.tuple(word);
const v6 = fc
  .tuple(sparse, sparse, sparse, sparse)
  .filter(([a, b, c]) => !(a === 0 && b === 0 && c === 0xffff));
const anyAddress = fc.oneof(v4, v6);
const big = (address: readonly number[]) => address.reduce((sum, w) => (sum << 32n) + BigInt(w), 0n);

test.each([
  ['0.0.0.0', [0]],
  ['255.255.255.255', [0xffffffff]],
  ['10.1.2.3', [0x0a010203]],
  ['FD00:0:0::5', [0xfd000000, 0, 0, 5]],
  ['::ffff:10.1.2.3', [0x0a010203]],
  ['::ffff:a01:203', [0x0a010203]],
])('parseAddress() reads %s as words', (text, words) => {
  expect(parseAddress(text)).toEqual(words);
});

test.each(['', '1.2.3.04', 'fd00::1%eth0', '10.1.2.3/24'])('parseAddress() refuses %j', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test('parseAddress() reads back what formatAddress() writes', () => {
  fc.assert(
    fc.property(anyAddress, (address) => {
      expect(parseAddress(formatAddress(address))).toEqual(address);
    }),
  );
});

test.each([
  ['10.1.2.3/24', '10.1.2.3/24'],
  ['10.1.2.3/024', '10.1.2.3/24'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['FD00::/128', 'fd00::/128'],
])('parseSubnet() reads %s as %s', (text, canonical) => {
  expect(formatSubnet(parseSubnet(text) as Subnet)).toBe(canonical);
});

test.each(['10.1.2.3', '10.1.2.3/33', 'fd00::/129', '10.1.2.3/', '/24', '10.1.2.3/+1', '10.1.2.3/1/2'])(
  'parseSubnet() refuses %s',
  (text) => {
    expect(parseSubnet(text)).toBeUndefined();
  },
);

test("parseSubnet() returns 'mapped' for an IPv4-mapped network", () => {
  expect(parseSubnet('::ffff:10.0.0.0/112')).toBe('mapped');
});

test('firstOf(), lastOf(), addressBeside(), compareAddresses() and distance() agree with BigInt', () => {
  fc.assert(
    fc.property(anyAddress, anyAddress, fc.nat(128), (a, b, bits) => {
      const size = BigInt(a.length * 32);
      const prefix = Math.min(bits, Number(size));
      const host = (1n << (size - BigInt(prefix))) - 1n;
      expect(big(firstOf({ address: a, prefix }))).toBe(big(a) - (big(a) & host));
      expect(big(lastOf({ address: a, prefix }))).toBe(big(a) | host);
      expect(big(addressBeside(a, 1))).toBe(BigInt.asUintN(Number(size), big(a) + 1n));
      expect(big(addressBeside(a, -1))).toBe(BigInt.asUintN(Number(size), big(a) - 1n));
      if (a.length !== b.length) {
        return;
      }
      const difference = big(a) - big(b);
      expect(Math.sign(compareAddresses(a, b))).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0);
      if (difference <= 0n) {
        expect(distance(a, b)).toBe(Number(1n - difference));
      }
    }),
  );
});
