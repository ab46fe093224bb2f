import { expect, test } from 'vitest';
import { nftablesTable } from './nftables.ts';
import type { PacketFilter } from './packet-filter.ts';

const ipv4: PacketFilter = { family: 'ipv4', podCIDRs: ['10.244.1.0/24'], masquerade: {} };
const ipv6: PacketFilter = { family: 'ipv6', podCIDRs: ['fd00:10:244:1::/64'], masquerade: {} };

const elements = (inside: readonly string[]): Record<string, readonly string[]> =>
  Object.fromEntries(
    nftablesTable({ ipv4, ipv6: undefined }, () => inside).sets.map((set) => [set.name, set.elements]),
  );
const textOf = (...[filters]: [Parameters<typeof nftablesTable>[0]]): string[] =>
  nftablesTable(filters, () => []).chains.flatMap(({ rules }) => rules.map(({ text }) => text));

test('nftablesTable() masquerades by destination, behind all other chains of source NAT', () => {
  expect(textOf({ ipv4, ipv6 })).toEqual([
    'ip saddr @pods4 ip daddr != @inside4 masquerade fully-random',
    'ip6 saddr @pods6 ip6 daddr != @inside6 masquerade fully-random',
  ]);
  expect(nftablesTable({ ipv4, ipv6 }, () => []).chains.map(({ hook }) => hook)).toEqual([
    { type: 'nat', hook: 'postrouting', priority: 101 },
  ]);
});

test('nftablesTable() names the egress interfaces with --masquerade=egress', () => {
  const filters = { ipv4: { ...ipv4, masquerade: { outInterfaces: ['eth0', 'eth1'] } }, ipv6: undefined };
  expect(textOf(filters)).toEqual([
    'oifname @egress4 ip saddr @pods4 ip daddr != @inside4 masquerade fully-random',
  ]);
  expect(nftablesTable(filters, () => []).sets.at(-1)).toEqual({
    name: 'egress4',
    key: 'ifname',
    elements: ['eth0', 'eth1'],
  });
});

test('nftablesTable() has neither sets nor rules for a family that is not masqueraded', () => {
  const table = nftablesTable({ ipv4: { family: 'ipv4', podCIDRs: ['10.244.1.0/24'] }, ipv6 }, () => []);
  expect(table.sets.map(({ name }) => name)).toEqual(['pods6', 'inside6']);
});

test('nftablesTable() spares multicast, and lists no prefix within another', () => {
  expect(
    elements(['10.244.2.0/24', '10.0.0.0/8', '10.244.2.0/24', '192.0.2.2/32', '192.0.2.3/32', '11.0.0.0/8']),
  ).toEqual({
    pods4: ['10.244.1.0/24'],
    inside4: ['10.0.0.0/8', '11.0.0.0/8', '192.0.2.2/32', '192.0.2.3/32', '224.0.0.0/4'],
  });
});

test('nftablesTable() keeps adjoining prefixes separate, so that a new node adds one element', () => {
  expect(elements(['10.244.2.0/24', '10.244.3.0/24']).inside4).toEqual([
    '10.244.2.0/24',
    '10.244.3.0/24',
    '224.0.0.0/4',
  ]);
});

test('nftablesTable() takes all addresses in two halves', () => {
  expect(elements(['0.0.0.0/0']).inside4).toEqual(['0.0.0.0/1', '128.0.0.0/1']);
});

test.each([
  ['a podCIDR within multicast', ['10.244.2.0/24', '239.1.0.0/24'], ['10.244.2.0/24', '224.0.0.0/4']],
  ['a prefix that contains multicast', ['192.0.0.0/2'], ['192.0.0.0/2']],
])('nftablesTable() has no overlapping elements with %s', (_, inside, expected) => {
  expect(elements(inside).inside4).toEqual(expected);
});
