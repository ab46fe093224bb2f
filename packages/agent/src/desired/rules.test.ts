import { describe, expect, test } from 'vitest';
import { hostFacts } from '../observe/facts.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { node } from '../testing/nodes.ts';
import { asElements, asRules, desiredRules, hasRandomPorts, insidePrefixes, noRules } from './rules.ts';

const facts = hostFacts(new FakeKernel().dump());
const none = () => ({ prefixes: [] });
const bare = hostFacts({ links: [], addresses: [], routes: [] });

test('desiredRules() accepts pod traffic first and masquerades only what leaves the cluster', () => {
  const [filter, nat] = desiredRules('ipv4', node(1), facts, () => ({ prefixes: ['10.244.0.0/16'] }));
  expect(filter).toMatchObject({
    table: 'filter',
    chains: {
      'CNIKIT-FORWARD': [
        { source: '10.244.1.0/24', jump: 'ACCEPT' },
        { destination: '10.244.1.0/24', jump: 'ACCEPT' },
      ],
    },
    jumps: [{ from: 'FORWARD', to: 'CNIKIT-FORWARD', at: 'before-default' }],
  });
  expect(nat).toMatchObject({
    table: 'nat',
    chains: {
      'CNIKIT-POSTROUTING': [{ source: '10.244.1.0/24', outInterface: 'eth0', jump: 'CNIKIT-MASQ' }],
      'CNIKIT-MASQ': [
        { destination: '10.244.0.0/16', jump: 'RETURN' },
        { destination: '224.0.0.0/4', jump: 'RETURN' },
        { jump: 'MASQUERADE' },
      ],
    },
    jumps: [{ from: 'POSTROUTING', to: 'CNIKIT-POSTROUTING' }],
  });
});

describe('desiredRules()', () => {
  test('desiredRules() forwards but does not masquerade without an egress interface', () => {
    const [filter, nat] = desiredRules('ipv6', node(1), bare, none);
    expect(filter?.chains).toHaveProperty('CNIKIT-FORWARD');
    expect(nat).toEqual({ table: 'nat', chains: {} });
  });
  test('desiredRules() has no rules for a family without pods', () => {
    expect(desiredRules('ipv6', node(1, { podCIDRs: ['10.244.1.0/24'] }), facts, none)).toEqual(noRules);
  });
});

test('desiredRules() masquerades on every egress interface: several default routes, and one with several next hops', () => {
  const kernel = new FakeKernel();
  for (const index of [3, 4, 5]) {
    kernel.links.push({ index, name: `eth${index}`, mtu: 1500, up: true });
  }
  const route = { ...kernel.routes[0]!, priority: 100 };
  kernel.routes.unshift(
    { ...route, oif: 3, otherOifs: [4, 2] },
    { ...route, dst: '198.51.100.0/24', oif: 5 },
  );
  const [, nat] = desiredRules('ipv4', node(1), hostFacts(kernel.dump()), none);
  const out = nat?.chains['CNIKIT-POSTROUTING'] as Array<{ outInterface: string }>;
  expect(out.map(({ outInterface }) => outInterface)).toEqual(['eth0', 'eth3', 'eth4']);
});

test('flannel-io/flannel#964: insidePrefixes() spares pods, nodes and configured prefixes from SNAT', () => {
  const inside = insidePrefixes('ipv4', [node(2), node(3)], ['10.96.0.0/12', 'fd00::/8']);
  expect(asRules(inside)).toEqual({ prefixes: ['10.96.0.0/12', '10.244.2.0/23', '192.0.2.2/31'] });
  expect(asElements(inside)).toEqual([
    '10.96.0.0/12',
    '10.244.2.0/24',
    '10.244.3.0/24',
    '192.0.2.2/32',
    '192.0.2.3/32',
  ]);
});

test('insidePrefixes() does not grow with nodes whose podCIDRs lie within a configured prefix', () => {
  const nodes = Array.from({ length: 200 }, (_, i) => node(i, { internalIPs: [] }));
  expect(asElements(insidePrefixes('ipv4', nodes, ['10.244.0.0/16']))).toEqual(['10.244.0.0/16']);
});

test('asElements() splits /0 into two halves, as a set accepts no /0', () => {
  expect(asElements(insidePrefixes('ipv4', [], ['0.0.0.0/0']))).toEqual(['0.0.0.0/1', '128.0.0.0/1']);
  expect(asElements(insidePrefixes('ipv6', [], ['::/0']))).toEqual(['::/1', '8000::/1']);
});

test.each([
  ['6.18.44-fc', true],
  ['3.13.0-24-generic', true],
  ['3.10.0-1160.el7.x86_64', false],
  ['2.6.32', false],
  ['unknown', false],
])('hasRandomPorts() of Linux %s: %s', (release, has) => {
  expect(hasRandomPorts(release)).toBe(has);
});

test.each([true, false])('desiredRules() chooses random ports if the kernel supports it: %s', (can) => {
  const [, nat] = desiredRules('ipv4', node(1), facts, none, can);
  expect(JSON.stringify(nat).includes('--random-fully')).toBe(can);
});
