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
    ['meta mark set', nft.setMarkBits(0x2000)],
    ['meta mark &', nft.hasMarkBits(0x2000)],
    ['vmap', nft.verdictMap(['ip6 daddr', 'meta l4proto', 'th dport'], 'm')],
    ['verdicts', [...nft.accept(), ...nft.drop(), ...nft.returnBack(), ...nft.jump('c'), ...nft.goTo('c')]],
    ['masquerade', nft.masquerade()],
    ['masquerade with flags', nft.masquerade({ flags: 4 })],
    ['dnat ip', nft.dnat({ address: '10.0.0.2', port: 80 })],
    ['dnat ip6', nft.dnat({ address: 'fd00::2', port: 80 })],
    ['dnat without port', nft.dnat({ address: 'fd00::2' })],
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
