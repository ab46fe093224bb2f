import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalAddress, canonicalNetwork } from './address.ts';

test.each([
  ['ipv4', '10.1.2.3', '10.1.2.3/32'],
  ['ipv4', '10.1.2.3/8', '10.0.0.0/8'],
  ['ipv4', '10.1.2.3/0', '0.0.0.0/0'],
  ['ipv4', '10.1.2.3/255.255.255.0', '10.1.2.0/24'],
  ['ipv4', '10.1.2.3/255.0.255.0', '10.0.2.0/255.0.255.0'],
  ['ipv6', '::', '::/128'],
  ['ipv6', 'FD00:0::00A1', 'fd00::a1/128'],
  ['ipv6', '1:0:0:2:0:0:0:3', '1:0:0:2::3/128'],
  ['ipv6', '1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7/128'],
  ['ipv6', '1::2:0:0:3:4:5', '1:0:2::3:4:5/128'],
  ['ipv6', 'fe80::1/10', 'fe80::/10'],
  ['ipv6', '::ffff:1.2.3.4', '::ffff:1.2.3.4/128'],
  ['ipv6', '::1.2.3.4', '::1.2.3.4/128'],
  ['ipv6', '::1:0', '::0.1.0.0/128'],
  ['ipv6', '::1', '::1/128'],
  ['ipv6', 'fd00::1/ffff::', 'fd00::/16'],
  ['ipv6', 'fd00::1/ffff::ff', 'fd00::1/ffff::ff'],
  ['ipv4', '10.1.2.3/0.0.0.0', '0.0.0.0/0'],
  ['ipv6', '64:ff9b::1.2.3.4/96', '64:ff9b::/96'],
] as const)('canonicalNetwork() for %s turns %s into %s', (family, text, expected) => {
  expect(canonicalNetwork(text, family)).toBe(expected);
});

test.each([
  ['ipv4', ''],
  ['ipv4', 'example.com'],
  ['ipv4', '10.0.0.256'],
  ['ipv4', '10.0.0'],
  ['ipv4', '010.0.0.1'],
  ['ipv4', '10.0.0.1/ffff::'],
  ['ipv4', '10.0.0.1/8/8'],
  ['ipv4', '10.0.0.1/33'],
  ['ipv4', '10.0.0.1/'],
  ['ipv4', '10.0.0.1,10.0.0.2'],
  ['ipv4', 'fd00::1'],
  ['ipv6', '10.0.0.1'],
  ['ipv6', '1::2::3'],
  ['ipv6', '1:2:3:4:5:6:7'],
  ['ipv6', '1:2:3:4:5:6:7:8:9'],
  ['ipv6', '1:2:3:4:5:6:7::8'],
  ['ipv6', ':::'],
  ['ipv6', '12345::'],
  ['ipv6', 'fd00::/129'],
  ['ipv6', 'fd00::%eth0'],
] as const)('canonicalNetwork() for %s refuses "%s"', (family, text) => {
  expect(() => canonicalNetwork(text, family)).toThrow(expect.objectContaining({ code: 'INVALID' }));
});

test('canonicalAddress() returns one text for all spellings of an address', () => {
  const groups = fc.array(fc.constantFrom(0, 0, 0, 1, 0xab, 0xffff), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, (address) => {
      const long = address.map((group) => group.toString(16).padStart(4, '0').toUpperCase()).join(':');
      const short = canonicalAddress(long, 'ipv6') as string;
      expect(canonicalAddress(short, 'ipv6')).toBe(short);
      // The URL parser of the platform is a second implementation; it never writes a dotted tail.
      if (!short.includes('.')) {
        expect(`[${short}]`).toBe(new URL(`http://[${long}]`).hostname);
      }
    }),
  );
});
