import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddress } from './address.ts';
import { Candidates } from './allocate.ts';
import { IpamError } from './errors.ts';
import { parseRangeSets, type RangeConfig, rangeSetSize, rangeSetText } from './range.ts';

function walk(set: readonly RangeConfig[], last?: string): string[] {
  const candidates = new Candidates(
    parseRangeSets([set])[0]!,
    last === undefined ? undefined : parseAddress(last),
  );
  const seen: string[] = [];
  for (let c = candidates.next(); c; c = candidates.next()) {
    expect(c.text).toBe(formatAddress(c.address));
    seen.push(c.text);
  }
  return seen;
}

describe('parseRangeSets()', () => {
  test.each<[string, RangeConfig, string, number]>([
    ['IPv4', { subnet: '10.1.2.0/24' }, '10.1.2.1-10.1.2.254', 253],
    ['the smallest IPv4', { subnet: '10.1.2.4/30' }, '10.1.2.5-10.1.2.6', 1],
    ['IPv6', { subnet: 'fd00::/120' }, 'fd00::1-fd00::ff', 254],
    ['an own gateway', { subnet: '10.1.2.0/29', gateway: '10.1.2.6' }, '10.1.2.1-10.1.2.6', 5],
    [
      'a gateway outside the bounds',
      { subnet: '10.1.2.0/29', rangeStart: '10.1.2.2', rangeEnd: '10.1.2.5', gateway: '10.1.2.6' },
      '10.1.2.2-10.1.2.5',
      4,
    ],
    [
      'bounds',
      { subnet: '10.1.2.0/24', rangeStart: '10.1.2.9', rangeEnd: '10.1.2.11' },
      '10.1.2.9-10.1.2.11',
      3,
    ],
    [
      'bounds on the edges, as asked',
      { subnet: '10.1.2.0/29', rangeStart: '10.1.2.0', rangeEnd: '10.1.2.7' },
      '10.1.2.0-10.1.2.7',
      7,
    ],
    ['empty texts as absent', { subnet: '10.1.2.0/29', rangeStart: '', gateway: '' }, '10.1.2.1-10.1.2.6', 5],
  ])('parseRangeSets() accepts %s', (_what, range, text, size) => {
    const [set] = parseRangeSets([[range]]);
    expect(rangeSetText(set!)).toBe(text);
    expect(rangeSetSize(set!)).toBe(size);
  });

  // Messages of host-local for the same input.
  test.each<[string, RangeConfig[][]]>([
    ['no IP ranges specified', []],
    ['invalid range set 0: empty range set', [[]]],
    ['invalid range set 0: IP <nil> not v4 nor v6', [[{} as RangeConfig]]],
    ['invalid CIDR address: banana', [[{ subnet: 'banana' }]]],
    ['invalid CIDR address: 10.1.2.0', [[{ subnet: '10.1.2.0' }]]],
    ['invalid CIDR address: 10.01.2.0/24', [[{ subnet: '10.01.2.0/24' }]]],
    ['invalid CIDR address: ', [[{ subnet: '' }]]],
    [
      'invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.1.2.0',
      [[{ subnet: '10.1.2.3/24' }]],
    ],
    ['invalid range set 0: Network 10.1.2.0/31 too small to allocate from', [[{ subnet: '10.1.2.0/31' }]]],
    ['invalid range set 0: Network fd00::/127 too small to allocate from', [[{ subnet: 'fd00::/127' }]]],
    ['invalid range set 0: IPNet IP and Mask version mismatch', [[{ subnet: '::ffff:10.2.0.0/112' }]]],
    ['invalid IP address: x', [[{ subnet: '10.1.2.0/24', gateway: 'x' }]]],
    [
      'invalid range set 0: RangeStart 10.1.3.0 not in network 10.1.2.0/24',
      [[{ subnet: '10.1.2.0/24', rangeStart: '10.1.3.0' }]],
    ],
    [
      'invalid range set 0: RangeStart fd00::1 not in network 10.1.2.0/24',
      [[{ subnet: '10.1.2.0/24', rangeStart: 'fd00::1' }]],
    ],
    [
      'invalid range set 0: RangeEnd 10.1.3.0 not in network 10.1.2.0/24',
      [[{ subnet: '10.1.2.0/24', rangeEnd: '10.1.3.0' }]],
    ],
    [
      'invalid range set 0: RangeStart 10.9.9.9 not in network 10.1.2.0/24',
      [[{ subnet: '10.1.2.0/24', rangeStart: '10.9.9.9', rangeEnd: '10.9.9.10' }]],
    ],
    [
      'invalid range set 0: gateway 10.9.9.9 not in network 10.1.2.0/24',
      [[{ subnet: '10.1.2.0/24', gateway: '10.9.9.9' }]],
    ],
    [
      'invalid range set 0: gateway fd00::1 not in network 10.1.2.0/24',
      [[{ subnet: '10.1.2.0/24', gateway: 'fd00::1' }]],
    ],
    [
      'invalid range set 0: gateway 10.1.2.1 not in network fd00::/64',
      [[{ subnet: 'fd00::/64', gateway: '10.1.2.1' }]],
    ],
    [
      'invalid range set 0: RangeStart 10.1.2.255 is after RangeEnd 10.1.2.254 in network 10.1.2.0/24',
      [[{ subnet: '10.1.2.0/24', rangeStart: '10.1.2.255' }]],
    ],
    [
      'invalid range set 0: RangeStart fd00::1 is after RangeEnd fd00:: in network fd00::/64',
      [[{ subnet: 'fd00::/64', rangeEnd: 'fd00::' }]],
    ],
    // host-local names only the start here.
    [
      'invalid range set 0: RangeStart 10.1.2.9 is after RangeEnd 10.1.2.3 in network 10.1.2.0/24',
      [[{ subnet: '10.1.2.0/24', rangeStart: '10.1.2.9', rangeEnd: '10.1.2.3' }]],
    ],
    [
      'invalid range set 1: subnets 10.1.2.1-10.1.2.254 and 10.1.2.1-10.1.2.126 overlap',
      [[{ subnet: '10.2.0.0/24' }], [{ subnet: '10.1.2.0/24' }, { subnet: '10.1.2.0/25' }]],
    ],
    ['range set 0 overlaps with 1', [[{ subnet: '10.1.2.0/24' }], [{ subnet: '10.1.2.0/25' }]]],
    ['invalid range set 0: mixed address families', [[{ subnet: '10.1.2.0/24' }, { subnet: 'fd00::/64' }]]],
  ])('parseRangeSets() throws "%s"', (message, sets) => {
    expect(() => parseRangeSets(sets)).toThrow(
      expect.objectContaining({ message, code: 'CONFIG', cniCode: 7 }),
    );
    expect(() => parseRangeSets(sets)).toThrow(IpamError);
  });
});

describe('Candidates', () => {
  test.each<[string, RangeConfig[], string | undefined, string[]]>([
    ['addresses from the start', [{ subnet: '10.0.0.0/29' }], undefined, ['2', '3', '4', '5', '6']],
    ['addresses after the last one', [{ subnet: '10.0.0.0/29' }], '10.0.0.4', ['5', '6', '2', '3', '4']],
    ['the first address after the end', [{ subnet: '10.0.0.0/29' }], '10.0.0.6', ['2', '3', '4', '5', '6']],
    ['addresses from the start when the last one is outside', [{ subnet: '10.0.0.0/30' }], '10.9.9.9', ['2']],
    [
      'addresses around a gateway in the middle',
      [{ subnet: '10.0.0.0/29', gateway: '10.0.0.3' }],
      '10.0.0.2',
      ['4', '5', '6', '1', '2'],
    ],
    [
      'addresses across ranges',
      [
        { subnet: '10.0.0.0/24', rangeStart: '10.0.0.10', rangeEnd: '10.0.0.11' },
        { subnet: '10.0.0.0/24', rangeStart: '10.0.0.20', rangeEnd: '10.0.0.20' },
      ],
      '10.0.0.11',
      ['20', '10', '11'],
    ],
    [
      'nothing for a range that contains only the gateway',
      [{ subnet: '10.0.0.0/29', rangeStart: '10.0.0.5', rangeEnd: '10.0.0.5', gateway: '10.0.0.5' }],
      undefined,
      [],
    ],
  ])('Candidates.next() returns %s', (_what, set, last, ends) => {
    expect(walk(set, last)).toEqual(ends.map((end) => `10.0.0.${end}`));
  });

  test('Candidates.next() stops at the end of the address space', () => {
    expect(walk([{ subnet: '255.255.255.248/29', rangeEnd: '255.255.255.255' }], '255.255.255.254')).toEqual([
      '255.255.255.255',
      ...['250', '251', '252', '253', '254'].map((end) => `255.255.255.${end}`),
    ]);
  });
});
