import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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

describe('parseAddress()', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['FD00:0:0::5', 'fd00::5'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['1:0:0:4:0:0:0:8', '1:0:0:4::8'],
    ['1:0:0:4:5:0:0:8', '1::4:5:0:0:8'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::ffff:a01:203', '10.1.2.3'],
  ])('parseAddress() reads %s as %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text)!)).toBe(canonical);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.04',
    '1.2.3.-4',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '1..2.3',
    'banana',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    'fd00::1%eth0',
    'g::',
    '::/',
    '::?',
    '::@',
    '::G',
    '::`',
    '::\u0141',
    '12345::',
    '1.2.3.4::',
    '::1.2.3',
    ':1::2',
  ])('parseAddress() refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('parseAddress() reads back what formatAddress() writes, and that is what URL writes', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const text = formatAddress(address);
        expect(parseAddress(text)).toEqual(address);
        if (address.length === 4) {
          expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
        }
      }),
    );
  });

  it('parseAddress() never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789af:./%') }), (s) => void parseAddress(s)),
    );
  });
});

describe('parseSubnet()', () => {
  it.each([
    ['10.1.2.3/24', '10.1.2.3/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['FD00::/128', 'fd00::/128'],
  ])('parseSubnet() reads %s as %s', (text, canonical) => {
    expect(formatSubnet(parseSubnet(text) as Subnet)).toBe(canonical);
  });

  it.each(['10.1.2.3', '10.1.2.3/33', 'fd00::/129', '10.1.2.3/', '/24', '10.1.2.3/+1', '10.1.2.3/1/2'])(
    'parseSubnet() refuses %s',
    (text) => {
      expect(parseSubnet(text)).toBeUndefined();
    },
  );

  it('parseSubnet() tells an IPv4-mapped network', () => {
    expect(parseSubnet('::ffff:10.0.0.0/112')).toBe('mapped');
  });
});

describe('address arithmetic', () => {
  it('agrees with BigInt', () => {
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
});
