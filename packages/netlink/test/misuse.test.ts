/** Mistakes that only plain JavaScript allows are refused in words, before anything is sent. */
import { expect, test } from 'vitest';
import { getFlows } from '../src/conntrack.ts';
import * as nl from '../src/index.ts';
import * as expr from '../src/netfilter/expr.ts';
import { newIpSet } from '../src/netfilter/ip-set.ts';
import * as nft from '../src/nftables.ts';
import { fakePeer } from '../src/testing.ts';

// biome-ignore lint/suspicious/noExplicitAny: these are mistakes that types refuse
const wrong = (value: unknown): any => value;
const chain = { family: 'ip', table: 't', name: 'c' } as const;
const set = { family: 'ip', table: 't', name: 's' } as const;
const rule = { family: 'ip', table: 't', chain: 'c' } as const;
const hook = { type: 'filter', hook: 'input', priority: 0 } as const;
const { sys } = fakePeer(() => {});

test.each<[string, () => unknown, RegExp]>([
  ['newLink()', () => nl.newLink({ kind: 'bridge', name: wrong(5) }), /^5 is not text$/],
  [
    'newLink()',
    () => nl.newLink({ kind: 'bridge', mtu: wrong('1500') }),
    /mtu \(IFLA_MTU\): "1500" is not a number/,
  ],
  [
    'newAddress()',
    () => nl.newAddress(wrong({ address: '10.0.0.1' })),
    /undefined is not a number, as index needs/,
  ],
  ['newAddress()', () => nl.newAddress(wrong({ index: 1 })), /Address undefined is not an IP address/],
  ['newAddress()', () => nl.newAddress({ index: 1, address: wrong(5) }), /Address 5 is not an IP address/],
  ['newRoute()', () => nl.newRoute(wrong({ via: '10.0.0.1' })), /Destination undefined is not an IP address/],
  ['newRoute()', () => nl.newRoute({ dst: 'default', via: wrong(1) }), /Gateway 1 is not an IP address/],
  [
    'newRoute()',
    () => nl.newRoute({ dst: '10.0.0.0/8', oif: wrong('eth0') }),
    /"eth0" is not a number, as oif needs/,
  ],
  [
    'getAddresses()',
    () => nl.getAddresses({ family: wrong('inet') }),
    /Unknown family "inet": expected ipv4 or ipv6/,
  ],
  ['getRoutes()', () => nl.getRoutes({ family: wrong(2) }), /Unknown family 2: expected ipv4 or ipv6/],
  ['getNeighbours()', () => nl.getNeighbours({ family: wrong('ip') }), /Unknown family "ip"/],
  ['getRoutingRules()', () => nl.getRoutingRules({ family: wrong('inet6') }), /Unknown family "inet6"/],
  ['getFlows()', () => getFlows(wrong('inet6')), /Unknown family "inet6"/],
  ['newIpSet()', () => newIpSet({ name: 's', family: wrong('inet6') }), /Unknown family "inet6"/],
  ['newIpSet()', () => newIpSet(wrong({ family: 'ipv4' })), /undefined is not text/],
  ['openRtnetlink()', () => nl.openRtnetlink(wrong(null)), /Invalid options null/],
  [
    'request()',
    () => nl.openRtnetlink({ sys }).request(wrong({ kind: 'bridge' })),
    /Not a request: \{"kind":"bridge"\}; build one with newLink/,
  ],
  [
    'commit()',
    () => nft.openNftables({ sys }).commit(wrong(nft.newTable({ family: 'ip', name: 't' }))),
    /array of requests/,
  ],
  ['commit()', () => nft.openNftables({ sys }).commit(wrong(undefined)), /array of requests/],
  [
    'newChain()',
    () => nft.newChain(wrong({ family: 'ip', table: 't' })),
    /cannot read a chain named undefined/,
  ],
  [
    'newChain()',
    () => nft.newChain({ ...chain, hook, policy: wrong('reject') }),
    /policy "reject" is unknown: .* drop, accept/,
  ],
  ['newRule()', () => nft.newRule(wrong(rule)), /expressions is not an array/],
  [
    'newRule()',
    () => nft.newRule({ ...rule, expressions: wrong([expr.accept()]) }),
    /spread it, \[\.\.\.expr\.accept\(\)\]/,
  ],
  ['newRule()', () => nft.newRule({ ...rule, expressions: wrong('accept') }), /expressions is not an array/],
  [
    'newElements()',
    () => nft.newElements(set, wrong(['10.0.0.1'])),
    /Not an element: "10\.0\.0\.1"; an element is \{ key \}/,
  ],
  [
    'newElements()',
    () => nft.newElements(set, wrong([{ key: '10.0.0.1' }])),
    /Not an element: .*10\.0\.0\.1/,
  ],
])('%s refuses a mistake and names it (%#)', (_, build, message) => {
  expect(build).toThrow(nl.NetlinkEncodeError);
  expect(build).toThrow(message);
});

test('newChain() takes the name of a policy', () => {
  const named = nft.newChain({ ...chain, hook, policy: 'drop' });
  expect(named).toEqual(nft.newChain({ ...chain, hook, policy: 0 }));
});
