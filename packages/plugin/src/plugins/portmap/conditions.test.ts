import type { Expression } from '@cnikit/netlink/nftables';
import { describe, expect, test } from 'vitest';
import { compileConditions } from './conditions.ts';

/** Names of expressions, and what they compare with. */
const brief = (expressions: readonly Expression[]) =>
  expressions.map((one) => ('data' in one && one.data ? `${one.name} ${[...one.data].join('.')}` : one.name));

describe('compileConditions()', () => {
  test('no conditions are what everything fits', () => {
    expect(compileConditions([], 'ipv4')).toEqual([[]]);
  });

  test.each([
    ['ip saddr 10.0.0.1', [['payload', 'cmp 10.0.0.1']]],
    ['ip saddr != 10.0.0.0/9', [['payload', 'bitwise', 'cmp 10.0.0.0']]],
    ['ip daddr 10.0.0.1-10.0.0.9', [['payload', 'range']]],
    ['tcp dport 80', [['meta', 'cmp 6', 'payload', 'cmp 0.80']]],
    ['udp sport >= 1024', [['meta', 'cmp 17', 'payload', 'cmp 4.0']]],
    ['tcp dport 8000-8010', [['meta', 'cmp 6', 'payload', 'range']]],
    [
      'th dport { 80, 443 }',
      [
        ['payload', 'cmp 0.80'],
        ['payload', 'cmp 1.187'],
      ],
    ],
    ['th dport != { 80, 90-99 }', [['payload', 'cmp 0.80', 'payload', 'range']]],
    ['meta l4proto tcp', [['meta', 'cmp 6']]],
    ['meta mark 0x10', [['meta', 'cmp 16.0.0.0']]],
    ['meta mark & 0xff == 0x10', [['meta', 'bitwise', 'cmp 16.0.0.0']]],
    ['meta mark and 0xff != 1', [['meta', 'bitwise', 'cmp 1.0.0.0']]],
    ['ct state established,related', [['ct', 'bitwise', 'cmp 0.0.0.0']]],
    ['ct state != established,related', [['ct', 'cmp 6.0.0.0']]],
    [
      'ct state { new, related }',
      [
        ['ct', 'cmp 8.0.0.0'],
        ['ct', 'cmp 4.0.0.0'],
      ],
    ],
    ['fib daddr type local', [['fib', 'cmp 2.0.0.0']]],
    ['iifname != "eth*"', [['meta', 'cmp 101.116.104']]],
    [
      'ip saddr { 10.0.0.1, 10.1.0.0/17 } tcp dport { 1, 2 }',
      ['10.0.0.1', '10.1.0.0'].flatMap((address, i) =>
        [1, 2].map((port) => [
          ...(i === 0 ? ['payload'] : ['payload', 'bitwise']),
          `cmp ${address}`,
          ...['meta', 'cmp 6', 'payload', `cmp 0.${port}`],
        ]),
      ),
    ],
  ])('%s', (words, expected) => {
    for (const split of [words.split(' '), [words]]) {
      expect(compileConditions(split, 'ipv4').map(brief)).toEqual(expected);
    }
  });

  test.each([
    'ip',
    'ip saddr',
    'ip saddr eth0',
    'ip saddr fd00::1',
    'ip saddr 10.0.0.0/33',
    'ip saddr 10.0.0.9-',
    'ip6 saddr fd00::1',
    'ip ttl 5',
    'tcp dport 65536',
    'tcp dport http',
    'tcp flags syn',
    'tcp dport { 80, 443',
    'tcp dport { }',
    'tcp dport 80,',
    'tcp dport 80,443',
    'tcp dport constructor',
    'meta dport 80',
    'ct state & 1 == 1',
    'meta mark > 5',
    'meta mark 1-5',
    'meta mark & 1',
    'ct state > new',
    'ct state done',
    'fib daddr type here',
    'fib daddr oif lo',
    'iifname "eth0',
    'iifname > eth0',
    'iifname anything-longer-than-that',
    'oifname',
    'meta oifkind veth',
    'counter',
    'accept',
    `tcp dport { ${Array.from({ length: 65 }, (_, i) => i + 1).join(', ')} }`,
  ])('%s is not understood', (words) => {
    expect(() => compileConditions([words], 'ipv4')).toThrow(
      expect.objectContaining({ code: 2, message: expect.stringContaining('conditionsV4') }),
    );
  });

  test('addresses are of the family', () => {
    expect(compileConditions(['ip6 saddr fd00::/9'], 'ipv6').map(brief)).toEqual([
      ['payload', 'bitwise', `cmp 253${'.0'.repeat(15)}`],
    ]);
    expect(() => compileConditions(['ip saddr 10.0.0.1'], 'ipv6')).toThrow('conditionsV6');
  });
});
