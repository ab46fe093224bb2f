import { expect, test } from 'vitest';
import { hostFacts } from '../observe/facts.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { node } from '../testing/nodes.ts';
import { asElements, asRules, desiredFilter, insidePrefixes } from './packet-filter.ts';

const facts = hostFacts(new FakeKernel().dump());
const bare = hostFacts({ links: [], addresses: [], routes: [] });

test('desiredFilter() masquerades on every link, also without a default route', () => {
  const expected = { family: 'ipv4', podCIDRs: ['10.244.1.0/24'], masquerade: {} };
  expect(desiredFilter('ipv4', node(1), facts)).toEqual(expected);
  expect(desiredFilter('ipv4', node(1), bare)).toEqual(expected);
});

test('desiredFilter() forwards but does not masquerade without an egress interface, with --masquerade=egress', () => {
  expect(desiredFilter('ipv6', node(1), bare, 'egress')).toEqual({
    family: 'ipv6',
    podCIDRs: ['fd00:10:244:1::/64'],
  });
});

test('desiredFilter() returns undefined for a family without pods', () => {
  expect(desiredFilter('ipv6', node(1, { podCIDRs: ['10.244.1.0/24'] }), facts)).toBeUndefined();
});

test('desiredFilter() lists every egress interface: several default routes, and one with several next hops', () => {
  const kernel = new FakeKernel();
  for (const index of [3, 4, 5]) {
    kernel.links.push({ index, name: `eth${index}`, mtu: 1500, up: true });
  }
  const route = { ...kernel.routes[0]!, priority: 100 };
  kernel.routes.unshift(
    { ...route, oif: 3, otherOifs: [4, 2] },
    { ...route, dst: '198.51.100.0/24', oif: 5 },
  );
  const filter = desiredFilter('ipv4', node(1), hostFacts(kernel.dump()), 'egress');
  expect(filter?.masquerade?.outInterfaces).toEqual(['eth0', 'eth3', 'eth4']);
});

test('insidePrefixes() spares pods and configured prefixes from masquerading, but no nodes', () => {
  const inside = insidePrefixes('ipv4', [node(2), node(3)], ['10.96.0.0/12', 'fd00::/8']);
  expect(asRules(inside)).toEqual({ prefixes: ['10.96.0.0/12', '10.244.2.0/23'] });
  expect(asElements(inside)).toEqual(['10.96.0.0/12', '10.244.2.0/24', '10.244.3.0/24']);
});

test('insidePrefixes() spares nodes too with --masquerade=egress', () => {
  const inside = insidePrefixes('ipv4', [node(2), node(3)], ['10.96.0.0/12', 'fd00::/8'], 'egress');
  expect(asRules(inside)).toEqual({ prefixes: ['10.96.0.0/12', '10.244.2.0/23', '192.0.2.2/31'] });
});

test('insidePrefixes() does not grow with nodes whose podCIDRs lie within a configured prefix', () => {
  const nodes = Array.from({ length: 200 }, (_, i) => node(i));
  expect(asElements(insidePrefixes('ipv4', nodes, ['10.244.0.0/16']))).toEqual(['10.244.0.0/16']);
});

test('asElements() splits /0 into two halves, as a set accepts no /0', () => {
  expect(asElements(insidePrefixes('ipv4', [], ['0.0.0.0/0']))).toEqual(['0.0.0.0/1', '128.0.0.0/1']);
  expect(asElements(insidePrefixes('ipv6', [], ['::/0']))).toEqual(['::/1', '8000::/1']);
});
