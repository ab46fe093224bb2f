import type { Family } from '@cnikit/ip';
import { describe, expect, test } from 'vitest';
import type { Encap, HostFacts, KernelLink, NodeInfo } from '../core/model.ts';
import { TUNNEL_ALIAS, TUNNEL_GROUP, tunnelMac } from '../core/tunnel-mark.ts';
import { hostFacts } from '../observe/facts.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { node } from '../testing/nodes.ts';
import { desiredRoute, viewOf } from './route.ts';
import { desiredTunnel, sameTunnel, tunnelConflicts, tunnelGateway } from './tunnel.ts';

const settings = { name: 'cnikit-vx', vni: 201, port: 4789 };
const far = ['198.51.100.2', '2001:db8:9::2'];
const facts = (...links: KernelLink[]): HostFacts => {
  const kernel = new FakeKernel();
  kernel.links.push(...links);
  return hostFacts(kernel.dump());
};

describe('tunnelMac()', () => {
  test('tunnelMac() is the same on every node and in every version', () => {
    expect(tunnelMac('n1')).toBe('aa:2f:47:01:74:6f');
  });

  test.each([
    ['numbered names', (i: number) => `node-${i}`],
    ['padded numbers', (i: number) => `ip-10-0-${String(i).padStart(5, '0')}.example.internal`],
    ['names that differ early', (i: number) => `${i.toString(36)}-pool-a-worker`],
  ])('tunnelMac() differs between 50,000 %s and is a locally administered unicast address', (_, name) => {
    const macs = new Set(Array.from({ length: 50_000 }, (_, i) => tunnelMac(name(i))));
    expect(macs.size).toBe(50_000);
    expect([...macs].filter((mac) => (Number.parseInt(mac.slice(0, 2), 16) & 3) !== 2)).toEqual([]);
  });
});

test.each([
  ['10.244.2.0/24', '10.244.2.0'],
  ['fd00:10:244:2::/64', 'fe80::a82f:47ff:fe01:746f'],
])('tunnelGateway() of %s is %s', (dst, gateway) => {
  expect(tunnelGateway(dst, 'aa:2f:47:01:74:6f')).toBe(gateway);
});

describe('desiredRoute() by --encap', () => {
  const cases: [string, Encap, Partial<NodeInfo>, Partial<NodeInfo>, string, string][] = [
    [
      'desiredRoute() reaches a node on the same link directly',
      'auto',
      {},
      {},
      '10.244.2.0/24',
      'eth0 via 192.0.2.2',
    ],
    [
      'desiredRoute() uses the tunnel to a node behind a router',
      'auto',
      {},
      { internalIPs: far },
      '10.244.2.0/24',
      'tunnel to 198.51.100.2',
    ],
    [
      'desiredRoute() uses the IPv4 tunnel for IPv6 too',
      'auto',
      {},
      { internalIPs: far },
      'fd00:10:244:2::/64',
      'tunnel to 198.51.100.2',
    ],
    [
      'desiredRoute() decides by family when only one address of the node is on-link',
      'auto',
      {},
      { internalIPs: ['192.0.2.2', '2001:db8:9::2'] },
      'fd00:10:244:2::/64',
      'tunnel to 192.0.2.2',
    ],
    [
      'desiredRoute() uses the tunnel to a node without an address of the family',
      'auto',
      {},
      { internalIPs: ['192.0.2.2'] },
      'fd00:10:244:2::/64',
      'tunnel to 192.0.2.2',
    ],
    [
      'desiredRoute() uses the IPv6 tunnel to a node that has IPv6 only',
      'auto',
      {},
      { internalIPs: ['2001:db8:9::2'] },
      '10.244.2.0/24',
      'tunnel to 2001:db8:9::2 by cnikit-vx6',
    ],
    [
      'desiredRoute() uses the IPv6 tunnel when this node has IPv6 only',
      'auto',
      { internalIPs: ['2001:db8::1'] },
      { internalIPs: far },
      '10.244.2.0/24',
      'tunnel to 2001:db8:9::2 by cnikit-vx6',
    ],
    ['desiredRoute() always uses the tunnel', 'always', {}, {}, '10.244.2.0/24', 'tunnel to 192.0.2.2'],
    [
      'desiredRoute() never uses the tunnel',
      'never',
      {},
      { internalIPs: far },
      '10.244.2.0/24',
      'not: --encap=never',
    ],
    [
      'desiredRoute() needs an address family that both nodes have',
      'auto',
      { internalIPs: ['192.0.2.1'] },
      { internalIPs: ['2001:db8:9::2'] },
      '10.244.2.0/24',
      'not: no InternalIP yet',
    ],
    [
      'desiredRoute() uses the first address of a family',
      'auto',
      {},
      { internalIPs: ['192.0.2.2', '192.0.2.3'] },
      '10.244.2.0/24',
      'eth0 via 192.0.2.2',
    ],
  ];
  test.each(cases)('%s (--encap=%s)', (_, encap, own, other, dst, want) => {
    const view = viewOf(node(1, own), facts(), { encap });
    const { route, peer, problems } = desiredRoute(dst, [node(2, other)], view);
    const outcome =
      route === undefined
        ? `not: ${problems[0]!.message}`
        : peer === undefined
          ? `${route.dev} via ${route.via}`
          : `tunnel to ${peer.remote}${peer.underlay === 'ipv6' ? ` by ${route.dev}` : ''}`;
    if (want.startsWith('not: ')) {
      expect(outcome).toMatch(new RegExp(`^not: .*${want.slice(5)}`));
    } else {
      expect(outcome).toBe(want);
    }
  });

  test.each([
    ['auto', 'peer'],
    ['never', 'route'],
  ] as const)(
    'desiredRoute() with --encap=%s reaches a node on a link without a link layer by a %s',
    (encap, how) => {
      const kernel = new FakeKernel();
      kernel.links[1]!.noArp = true;
      const view = viewOf(node(1), hostFacts(kernel.dump()), { encap });
      const decision = desiredRoute('10.244.2.0/24', [node(2)], view);
      expect(decision.problems).toEqual([]);
      expect(decision.peer?.remote).toBe(how === 'peer' ? '192.0.2.2' : undefined);
      expect(decision.route?.dev).toBe(how === 'peer' ? 'cnikit-vx' : 'eth0');
    },
  );

  test('reachOf() finds no way to a node without a route', () => {
    const kernel = new FakeKernel();
    kernel.routes = kernel.routes.filter(({ via }) => via === undefined);
    const view = viewOf(node(1), hostFacts(kernel.dump()));
    const { problems } = desiredRoute('10.244.2.0/24', [node(2, { internalIPs: far })], view);
    expect(problems[0]!.message).toMatch(/no route to its InternalIP 198.51.100.2/);
  });
});

describe('desiredTunnel()', () => {
  test('desiredTunnel() has the MTU that the outer headers leave, and an address of each podCIDR', () => {
    expect(desiredTunnel(node(1), facts(), settings, 'ipv4')).toEqual({
      ...settings,
      mac: 'aa:2f:47:01:74:6f',
      mtu: 1450,
      underlay: 'ipv4',
      local: '192.0.2.1',
      addresses: ['10.244.1.0/32', 'fd00:10:244:1::/128'],
    });
  });

  test.each<[string, string[], Partial<ReturnType<typeof desiredTunnel>> & { underlay: Family }]>([
    [
      'desiredTunnel() has a separate link and a smaller MTU for IPv6 headers',
      ['192.0.2.1', '2001:db8::1'],
      { name: 'cnikit-vx6', mtu: 1430, underlay: 'ipv6', local: '2001:db8::1' },
    ],
    [
      'desiredTunnel() keeps the MTU for a translated InternalIP',
      ['203.0.113.1'],
      { mtu: 1450, underlay: 'ipv4' },
    ],
  ])('%s', (_, internalIPs, want) => {
    const tunnel = desiredTunnel(node(1, { internalIPs }), facts(), settings, want.underlay);
    expect(tunnel).toMatchObject(want);
    expect(tunnel.local).toBe(want.local);
  });
});

const vxlan = { id: 201, port: 4789, learning: false };
test.each<[string, KernelLink, number]>([
  ['another kind of that name', { index: 9, name: 'cnikit-vx', mtu: 1500, up: true }, 1],
  ['a VXLAN of that VNI and port', { index: 9, name: 'flannel.1', mtu: 1500, up: true, vxlan }, 1],
  [
    'a VXLAN of another port',
    { index: 9, name: 'flannel.1', mtu: 1500, up: true, vxlan: { ...vxlan, port: 8472 } },
    0,
  ],
  [
    'our own, without its alias yet',
    { index: 9, name: 'cnikit-vx', mtu: 1500, up: false, group: TUNNEL_GROUP, vxlan },
    0,
  ],
  ['our own', { index: 9, name: 'cnikit-vx', mtu: 1500, up: true, alias: TUNNEL_ALIAS, vxlan }, 0],
])('tunnelConflicts(): %s', (_, link, count) => {
  expect(tunnelConflicts(facts(link), settings)).toHaveLength(count);
});

describe('sameTunnel()', () => {
  const want = desiredTunnel(node(1), facts(), settings, 'ipv4');
  const have = { ...want, index: 9, marked: true, learning: false, up: true };
  test.each([
    ['as it is', {}, 'same'],
    ['down', { up: false }, 'change'],
    ['another MTU', { mtu: 1400 }, 'change'],
    ['an address missing', { addresses: ['10.244.1.0/32'] }, 'change'],
    ['an address of an earlier podCIDR', { addresses: [...want.addresses, '10.244.9.0/32'] }, 'change'],
    ['another VNI', { vni: 7 }, 'remake'],
    ['another source address', { local: '192.0.2.9' }, 'remake'],
    ['learning', { learning: true }, 'remake'],
    ['another name', { name: 'old-vx' }, 'remake'],
    ['unfinished by an earlier version', { marked: false }, 'remake'],
    ['one of IPv6', { local: '::' }, 'remake'],
  ] as const)('%s', (_, changes, result) => {
    expect(sameTunnel({ ...have, ...changes } as typeof have, want)).toBe(result);
  });
});
