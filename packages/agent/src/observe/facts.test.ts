import { hostVethName } from '@cnikit/plugin';
import { describe, expect, test } from 'vitest';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { concerns, hostFacts, sameFacts } from './facts.ts';

test('concerns() counts the ports of bridges that routes use, but not those of pods', () => {
  const kernel = new FakeKernel();
  kernel.links.push(
    { index: 3, name: 'cni0', mtu: 1500, up: true },
    { index: 4, name: 'veth1', mtu: 1500, up: true, master: 3 },
    { index: 5, name: 'uplink', mtu: 1500, up: true, master: 2 },
  );
  const connected = kernel.routes[1]!;
  kernel.routes.push({ ...connected, dst: '10.244.1.0/24', oif: 3 });
  const facts = hostFacts(kernel.dump());
  expect([4, 5].map((index) => concerns(facts, { type: 'link', index }))).toEqual([false, true]);
});

test("hostFacts() and concerns() ignore the plugin's routes to pods", () => {
  const kernel = new FakeKernel();
  kernel.links.push({ index: 9, name: hostVethName('cnikit', 'c1', 'eth0'), mtu: 1500, up: true });
  const before = hostFacts(kernel.dump());
  expect(before.hasPods).toBe(true);
  const route = {
    family: 'ipv4',
    dst: '10.244.1.5/32',
    oif: 9,
    protocol: 202,
    priority: 0,
    type: 'unicast',
  } as const;
  kernel.routes.push(route);
  const facts = hostFacts(kernel.dump());
  expect([before.hasRoutedPods, facts.hasRoutedPods]).toEqual([false, true]);
  expect(sameFacts(before, facts)).toBe(true);
  expect(concerns(facts, { type: 'route', op: 'new', route })).toBe(false);
  expect(concerns(facts, { type: 'route', op: 'new', route: { ...route, protocol: 'static' } })).toBe(true);
});

test('hostFacts() ignores the Service addresses of kube-proxy in ipvs mode', () => {
  const kernel = new FakeKernel();
  const before = hostFacts(kernel.dump());
  kernel.links.push({ index: 77, name: 'kube-ipvs0', mtu: 1500, up: false, kind: 'dummy' });
  // An address of a Service, one that is this node's too, and one that is another node's.
  for (const address of ['10.96.0.1/32', '192.0.2.1/32', '192.0.2.2/32']) {
    kernel.addresses.push({ index: 77, address });
  }
  const facts = hostFacts(kernel.dump());
  expect([...facts.localAddresses]).toEqual([...before.localAddresses]);
  expect(sameFacts(before, facts)).toBe(true);
});

describe('concerns()', () => {
  const kernel = new FakeKernel();
  kernel.links.push({ index: 3, name: 'cni0', mtu: 1500, up: true, kind: 'bridge' });
  const facts = hostFacts(kernel.dump());
  const appeared = (name: string, kind?: string, master?: number) =>
    concerns(facts, { type: 'link', index: 99, link: { op: 'new', name, up: false, kind, master } });

  test('concerns() counts new links that may live by router advertisements, but not those of pods', () => {
    expect([appeared('eth9'), appeared('eth0.5', 'vlan'), appeared('bond0', 'bond')]).toEqual([
      true,
      true,
      true,
    ]);
    expect([appeared('veth1', 'veth'), appeared('wg0', 'wireguard'), appeared('eth9', undefined, 7)]).toEqual(
      [false, false, false],
    );
    const link = { op: 'del', name: 'eth9', up: false } as const;
    expect(concerns(facts, { type: 'link', index: 99, link })).toBe(false);
  });

  test.each([
    ['forwarding off on the egress interface', true, { link: 2, forwarding: false }],
    ['forwarding off on the bridge of pods', true, { link: 3, forwarding: false }],
    ['forwarding off on all links', true, { link: 'all', forwarding: false }],
    ['IPv6 forwarding off on all links', true, { family: 'ipv6', link: 'all', forwarding: false }],
    ['a strict filter on the egress interface', true, { link: 2, rpFilter: 1 }],
    ['forwarding on', false, { link: 2, forwarding: true }],
    ['a loose filter', false, { link: 2, rpFilter: 2 }],
    ['forwarding off on another link', false, { link: 99, forwarding: false }],
    [
      'IPv6 forwarding off on one link, which counts for nothing',
      false,
      { family: 'ipv6', link: 2, forwarding: false },
    ],
    ['the setting of new links', false, { link: 'default', forwarding: false }],
  ] as const)('concerns() answers %s with %s', (_, expected, setting) => {
    expect(concerns(facts, { type: 'setting', family: 'ipv4', ...setting })).toBe(expected);
  });
});
