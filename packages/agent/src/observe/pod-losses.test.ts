import type { NftEvent } from '@cnikit/netlink/monitor';
import { expect, test } from 'vitest';
import { bridgeAfter, removesPodRules } from './pod-losses.ts';

type Change = Partial<Extract<NftEvent, { type: 'nftables' }>>;
const nft = (change: Change): NftEvent => ({
  type: 'nftables',
  action: 'del',
  object: 'table',
  family: 'inet',
  table: 'cnikit_hostports',
  ...change,
});

test.each<[string, boolean, Change]>([
  ['the removal of the table of host ports', true, {}],
  ['the removal of a masquerade table', true, { family: 'inet', table: 'cnikit_masquerade_net' }],
  ['the removal of the upstream tables', true, { table: 'cni_hostport' }],
  ['the removal of iptables’ table', true, { family: 'ip', table: 'nat' }],
  ['the removal of the table of macspoofchk', true, { family: 'bridge', table: 'nat' }],
  ['iptables -t nat -F', true, { family: 'ip6', table: 'nat', object: 'rule', chain: 'PREROUTING' }],
  ['its creation', false, { action: 'new' }],
  ['the removal of another table', false, { table: 'kube-proxy' }],
  ['rules of pods that end', false, { object: 'rule', chain: 'pod-x' }],
  ['rules of kube-proxy', false, { family: 'ip', table: 'nat', object: 'rule', chain: 'KUBE-SERVICES' }],
])('removesPodRules() answers %s with %s', (_, expected, change) => {
  expect(removesPodRules(nft(change))).toBe(expected);
});

test('removesPodRules() assumes a loss when events were lost', () => {
  expect(removesPodRules({ type: 'overflow' })).toBe(true);
  expect(removesPodRules({ type: 'other', message: 7 })).toBe(false);
});

const link = (op: 'new' | 'del', name: string, up = true) =>
  ({ type: 'link', index: 7, link: { op, name, up } }) as const;
const address = (op: 'new' | 'del', index: number) =>
  ({ type: 'address', op, index, address: '10.244.1.1/24' }) as const;

test.each([
  ['a new bridge', link('new', 'cni0'), { index: 7, lost: false }],
  ['a bridge that is down', link('new', 'cni0', false), { index: 7, lost: true }],
  ['a removed bridge', link('del', 'cni0'), { index: undefined, lost: true }],
  ['another removed link', link('del', 'eth0'), { index: 5, lost: false }],
  ['a removed address of the bridge', address('del', 5), { index: 5, lost: true }],
  ['a new address of the bridge', address('new', 5), { index: 5, lost: false }],
  ['a removed address of another link', address('del', 6), { index: 5, lost: false }],
  ['lost events', { type: 'overflow' } as const, { index: 5, lost: true }],
])('bridgeAfter() follows %s', (_, event, expected) => {
  expect(bridgeAfter(event, 5)).toEqual(expected);
});
