import { describe, expect, test } from 'vitest';
import * as nft from './expr.ts';
import { newRule } from './rule.ts';

describe('statements', () => {
  test.each([
    ['ip saddr 10.0.0.0/8', nft.source('10.0.0.0/8')],
    ['ip6 daddr != fd00::/65', nft.destination('fd00::/65', { not: true })],
    ['iifname "eth0"', nft.inputInterface('eth0')],
    ['oifname != "eth*"', nft.outputInterface('eth*', { not: true })],
    ['tcp', nft.protocol('tcp')],
    ['not tcp', nft.protocol('tcp', { not: true })],
    ['udp', nft.protocol('udp')],
    ['sctp', nft.protocol('sctp')],
    ['th dport 80', nft.destinationPort(80)],
    ['ct state', nft.connectionState(['new'])],
    ['fib daddr type local', nft.toLocal()],
    ['fib saddr type local', nft.fromLocal()],
    ['fib saddr oifname', nft.sourceRoutedTo('veth*')],
    ['meta mark set', nft.setMarkBits(0x2000)],
    ['meta mark &', nft.hasMarkBits(0x2000)],
    ['vmap', nft.verdictMap(['ip6 daddr', 'meta l4proto', 'th dport'], 'm')],
    ['verdicts', [...nft.accept(), ...nft.drop(), ...nft.returnBack(), ...nft.jump('c'), ...nft.goTo('c')]],
    ['masquerade', nft.masquerade()],
    ['masquerade with flags', nft.masquerade({ flags: 4 })],
    ['dnat ip', nft.dnat({ address: '10.0.0.2', port: 80 })],
    ['dnat ip6', nft.dnat({ address: 'fd00::2', port: 80 })],
    ['dnat without port', nft.dnat({ address: 'fd00::2' })],
    ['lookup', nft.lookup([new Uint8Array(4), 'ip6 saddr'], 's', { not: true, setId: 3 })],
    ['snat', nft.snat({ address: '192.0.2.1', port: 80 })],
  ])('%s: what is encoded once is what is encoded each time, in either byte order', (_, expressions) => {
    const rule = { family: 'inet', table: 't', chain: 'c' } as const;
    for (const order of ['little', 'big'] as const) {
      const copies = expressions.map((one) => ({ ...one }));
      expect(newRule({ ...rule, expressions }, order).payload).toEqual(
        newRule({ ...rule, expressions: copies }, order).payload,
      );
    }
  });
});

test.each<[title: string, build: () => unknown, message: string]>([
  ['sourceRange()', () => nft.sourceRange('10.0.0.9', '10.0.0.1'), 'A range ends before it begins'],
  ['sourceRange()', () => nft.sourceRange('10.0.0.9', 'fd00::1'), 'are not of one IP version'],
  ['destinationRange()', () => nft.destinationRange('10.0.0.9', '10.0.0'), '"10.0.0" is not an IP address'],
  ['destinationPortRange()', () => nft.destinationPortRange(80, 79), 'A range ends before it begins'],
  ['destinationPortRange()', () => nft.destinationPortRange(80, 65_536), '65536 is not a port'],
  ['icmpv6Type()', () => nft.icmpv6Type(256), '256 is not an ICMPv6 type'],
  ['lookup()', () => nft.lookup([], 's'), 'A key has 1 to 64 bytes, not 0'],
  ['lookup()', () => nft.lookup([new Uint8Array(61), 'ip saddr'], 's'), 'A key has 1 to 64 bytes, not 68'],
  ['lookup()', () => nft.lookup(['toString' as never], 's'), 'Unknown field of a key: "toString"'],
  ['log()', () => nft.log({ prefix: 'é'.repeat(64) }), 'exceeds 127 bytes'],
  ['log()', () => nft.log({ group: 65_536 }), '65536 is not an integer from 0 to 65535'],
  ['log()', () => nft.log({ snaplen: 64 }), 'snaplen needs a log group'],
  ['limit()', () => nft.limit({ rate: 0 }), '0 is not a rate above 0'],
  ['limit()', () => nft.limit({ rate: 1, per: 'month' as never }), 'Unknown unit of time "month"'],
  ['limit()', () => nft.limit({ rate: 1, burst: -1 }), '-1 is not an integer'],
  ['reject()', () => nft.reject('gone' as never), 'Unknown reason to reject "gone"'],
  ['snat()', () => nft.snat({ address: 'x' }), '"x" is not an IP address'],
])('%s refuses bad input, case %#', (_, build, message) => {
  expect(build).toThrow(message);
});
