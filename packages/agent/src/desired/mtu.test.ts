import { expect, test } from 'vitest';
import type { KernelState } from '../core/model.ts';
import { hostFacts } from '../observe/facts.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { node } from '../testing/nodes.ts';
import { mtuProblems, noPaths, podMtu, tunnelMtu } from './mtu.ts';

const ipv4Only = { podCIDRs: ['10.244.1.0/24'] };

/** Facts of a node whose kernel `change` has changed. */
function factsOf(change: (kernel: FakeKernel) => void = () => {}) {
  const kernel = new FakeKernel();
  change(kernel);
  return hostFacts(kernel.dump());
}

test('podMtu() is the least of egress interface, routes to nodes, tunnels and --mtu', () => {
  const facts = factsOf();
  expect(podMtu(node(1), facts, [])).toBe(1500);
  expect(podMtu(node(1), facts, [], { ...noPaths, direct: 1400 })).toBe(1400);
  expect(podMtu(node(1), facts, [], { ...noPaths, direct: 9000 })).toBe(1500);
  expect(podMtu(node(1), facts, [{ mtu: 1450 } as never])).toBe(1450);
  expect(podMtu(node(1), facts, [{ mtu: 1450 } as never], noPaths, 1380)).toBe(1380);
});

test('podMtu() is that of the routes to nodes without a default route', () => {
  const facts = factsOf((kernel) => {
    kernel.routes = kernel.routes.filter(({ via }) => via === undefined);
  });
  expect(podMtu(node(1), facts, [], { ...noPaths, direct: 1400 })).toBe(1400);
  expect(podMtu(node(1), facts, [])).toBe(1500);
});

test('tunnelMtu() is that of the routes to the far ends, not of the link with the InternalIP', () => {
  const facts = factsOf((kernel) => {
    kernel.addresses.push({ index: 1, address: '192.0.2.1/32' });
  });
  expect(tunnelMtu(node(1), facts, 'ipv4', { tunnels: new Map([['ipv4', 1500]]) })).toBe(1450);
  expect(tunnelMtu(node(1), facts, 'ipv6', { tunnels: new Map([['ipv6', 1400]]) })).toBe(1330);
  // Without a known route: the loopback interface does not count.
  expect(tunnelMtu(node(1), facts, 'ipv4', { tunnels: new Map([['ipv4', undefined]]) })).toBe(1450);
  expect(tunnelMtu(node(1), facts, 'ipv4', { tunnels: new Map([['ipv4', 1500]]) }, 1400)).toBe(1400);
});

test('a node with IPv6 pods uses at least 1280 bytes and reports the cause', () => {
  const small = factsOf((kernel) => {
    kernel.links[1]!.mtu = 1200;
  });
  const paths = { direct: 1200, tunnels: new Map([['ipv4', 1280]] as const) };
  expect(tunnelMtu(node(1), small, 'ipv4', paths)).toBe(1280);
  expect(podMtu(node(1), small, [], paths, 1000)).toBe(1280);
  const problems = mtuProblems(node(1), small, paths, 1000);
  expect(problems.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
    'low-mtu tunnel ipv4',
    'low-mtu eth0',
    'low-mtu --mtu',
  ]);
  expect(problems[0]!.message).toMatch(/MTU 1280, which leaves 1230 bytes .* Raise .* to 1330 or more$/);
});

test('a node with IPv4 pods only uses less than 1280 bytes without a problem', () => {
  const paths = { direct: 1200, tunnels: new Map([['ipv4', 1280]] as const) };
  expect(tunnelMtu(node(1, ipv4Only), factsOf(), 'ipv4', paths)).toBe(1230);
  expect(podMtu(node(1, ipv4Only), factsOf(), [], paths)).toBe(1200);
  expect(mtuProblems(node(1, ipv4Only), factsOf(), paths)).toEqual([]);
});

const route = {
  family: 'ipv4',
  dst: '0.0.0.0/0',
  via: '192.0.2.254',
  protocol: 'boot',
  priority: 0,
  type: 'unicast',
} as const;
test.each<[string, Partial<KernelState>, number]>([
  [
    'the smallest port of a bridge that an administrator made larger',
    {
      links: [
        { index: 2, name: 'br0', mtu: 9000, up: true },
        { index: 3, name: 'eth0', mtu: 1500, up: true, master: 2 },
      ],
    },
    1500,
  ],
  [
    'the route itself',
    { links: [{ index: 2, name: 'eth0', mtu: 9000, up: true }], routes: [{ ...route, oif: 2, mtu: 1400 }] },
    1400,
  ],
  [
    'the smallest of several next hops',
    {
      links: [
        { index: 2, name: 'eth0', mtu: 9000, up: true },
        { index: 3, name: 'eth1', mtu: 1500, up: true },
      ],
      routes: [{ ...route, oif: 2, otherOifs: [3] }],
    },
    1500,
  ],
  [
    'the link of two half default routes',
    {
      links: [
        { index: 2, name: 'eth0', mtu: 1500, up: true },
        { index: 3, name: 'tun0', mtu: 1420, up: true },
      ],
      routes: [
        { ...route, oif: 2 },
        ...['0.0.0.0/1', '128.0.0.0/1'].map((dst) => ({ ...route, dst, oif: 3 })),
      ],
    },
    1420,
  ],
])('podMtu() follows %s', (_, state, want) => {
  const facts = hostFacts({ links: [], addresses: [], routes: [{ ...route, oif: 2 }], ...state });
  expect(podMtu(node(1), facts, [])).toBe(want);
});
