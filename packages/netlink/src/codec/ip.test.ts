import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress, parsePrefix } from './ip.ts';

describe('formatAddress()', () => {
  // RFC 5952, section 4, and the borders of each of its rules.
  it.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['fe80::', 'fe80::'],
    ['255.255.255.255', '255.255.255.255'],
    ['0.0.0.0', '0.0.0.0'],
  ])('writes %s as %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text)!)).toBe(canonical);
  });

  it('is the inverse of parseAddress()', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      // Runs of zeros are where the rules are.
      fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 }).map((a) => Uint8Array.from(a)),
    );
    fc.assert(
      fc.property(bytes, (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('parseAddress()', () => {
  it.each([
    '',
    ':',
    ':::',
    '1',
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
    '1.2.3.-4',
    '0x1.2.3.4',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '::1:',
    ':1::',
    '1:2:3:4:5:6:7:8::',
    '::1.2.3',
    '1.2.3.4::',
    '1:2:3:4:5:6:7:1.2.3.4',
    'fe80::1%eth0',
    '::1/128',
    '1:2:3:4:5:6:7:8:',
    '::.1.2.3.4',
    '1::2:3:4:5:6:7:8',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('takes exactly what the runtime takes', () => {
    const part = fc.constantFrom(':', '::', '.', '0', '1', 'ff', 'ffff', '255', '10', '256', '00', 'g', '%');
    const text = fc.array(part, { maxLength: 18 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (candidate) => {
        fc.pre(!candidate.includes('%'));
        const length = parseAddress(candidate)?.length ?? 0;
        expect({ 0: 0, 4: 4, 16: 6 }[length]).toBe(isIP(candidate));
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('parsePrefix()', () => {
  it.each([
    ['10.0.0.0/8', 8],
    ['10.0.0.1', 32],
    ['fd00::/64', 64],
    ['::', 128],
    ['0.0.0.0/0', 0],
  ])('reads %s', (text, length) => {
    expect(parsePrefix(text)?.length).toBe(length);
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '::/129',
    '/8',
    '::/1e1',
    '::/0x8',
  ])('refuses %s', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });
});
