import { describe, expect, test } from 'vitest';
import type { HostFacts, NodeInfo } from '../core/model.ts';
import { hostFacts } from '../observe/facts.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { node } from '../testing/nodes.ts';
import { NodeIndex } from './node-index.ts';
import { desiredRoute, desiredRoutes, viewOf } from './route.ts';

const facts: HostFacts = hostFacts(new FakeKernel().dump());
const own = node(1);
const view = viewOf(own, facts, { encap: 'never' });

describe('desiredRoute()', () => {
  test.each<[string, NodeInfo[], string]>([
    ['10.244.2.0/24', [node(2)], '192.0.2.2'],
    ['fd00:10:244:2::/64', [node(2)], '2001:db8::2'],
    ['10.244.2.0/24', [node(2), node(3)], '192.0.2.2'],
  ])('desiredRoute() routes to %s', (dst, claimants, via) => {
    expect(desiredRoute(dst, claimants, view).route).toEqual({ dst, via, oif: 2, dev: 'eth0' });
  });
});

describe('desiredRoute() without a route', () => {
  test.each<[string, string, NodeInfo[], RegExp]>([
    [
      'a next hop behind a gateway',
      '10.244.2.0/24',
      [node(2, { internalIPs: ['198.51.100.2'] })],
      /not on-link, and --encap=never/,
    ],
    [
      'no InternalIP of the family',
      'fd00:10:244:2::/64',
      [node(2, { internalIPs: ['192.0.2.2'] })],
      /no InternalIP/,
    ],
    [
      'an InternalIP of this node',
      '10.244.2.0/24',
      [node(2, { internalIPs: ['192.0.2.1'] })],
      /address of this node/,
    ],
    [
      'an InternalIP inside the podCIDR',
      '192.0.2.0/25',
      [node(2, { podCIDRs: ['192.0.2.0/25'] })],
      /lies within/,
    ],
    ['an overlap with our podCIDR', '10.244.0.0/16', [node(2, { podCIDRs: ['10.244.0.0/16'] })], /overlaps/],
  ])('desiredRoute() returns no route and the reason for %s', (_, dst, claimants, reason) => {
    const { route, problems } = desiredRoute(dst, claimants, view);
    expect(route).toBeUndefined();
    expect(problems.map(({ message }) => message).join()).toMatch(reason);
  });
});

describe('desiredRoute() without a problem', () => {
  test.each<[string, NodeInfo[]]>([
    ['desiredRoute() reports no problem for its own podCIDR', [own]],
    ['desiredRoute() reports no problem for an unclaimed podCIDR', []],
  ])('%s', (_, claimants) => {
    const { route, problems } = desiredRoute(claimants[0]?.podCIDRs[0] ?? '10.244.9.0/24', claimants, view);
    expect([route, problems]).toEqual([undefined, []]);
  });

  test('desiredRoutes() reports nothing while this node is unknown', () => {
    const claims = new NodeIndex();
    claims.set(node(2));
    expect([...desiredRoutes(claims, { nodeName: 'n1' }, facts).values()]).toEqual([
      { problems: [] },
      { problems: [] },
    ]);
  });
});

test.each([
  ['10.244.2.128/25', { oif: 2, via: '192.0.2.9' }, 'leads to eth0'],
  ['10.244.2.7/32', { type: 'blackhole' as const }, 'leads nowhere'],
])('desiredRoute() reports a foreign route to %s inside the podCIDR and keeps its own', (dst, hop, where) => {
  const kernel = new FakeKernel();
  kernel.routes.push({ family: 'ipv4', dst, protocol: 'static', priority: 0, type: 'unicast', ...hop });
  const { route, problems } = desiredRoute('10.244.2.0/24', [node(2)], viewOf(own, hostFacts(kernel.dump())));
  expect(route?.via).toBe('192.0.2.2');
  expect(problems.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([
    expect.stringContaining(
      `foreign-route: A foreign route to ${dst} lies inside podCIDR 10.244.2.0/24 of node n2 and ${where}`,
    ),
  ]);
  const other = desiredRoute('10.244.3.0/24', [node(3)], viewOf(own, hostFacts(kernel.dump())));
  expect(other.problems).toEqual([]);
});

test('desiredRoute() reports two nodes with the same podCIDR, even when one is this node', () => {
  const twice = desiredRoute('10.244.2.0/24', [node(2), node(3)], view);
  expect(twice.problems[0]?.message).toMatch(/claimed by n2 and by n3; the oldest, n2, keeps it/);
  const ours = desiredRoute('10.244.1.0/24', [node(0), own], view);
  expect(ours.route).toBeUndefined();
  expect(ours.problems).toHaveLength(1);
});

test('desiredRoute() prefers the longest prefix: a next hop in a smaller foreign route is not on-link', () => {
  const kernel = new FakeKernel();
  kernel.routes.push({
    family: 'ipv4',
    dst: '192.0.2.2/32',
    via: '192.0.2.254',
    oif: 2,
    protocol: 'static',
    priority: 0,
    type: 'unicast',
  });
  expect(
    desiredRoute('10.244.2.0/24', [node(2)], viewOf(own, hostFacts(kernel.dump()), { encap: 'never' })).route,
  ).toBeUndefined();
});
