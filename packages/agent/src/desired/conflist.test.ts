import { describe, expect, test } from 'vitest';
import { hostFacts } from '../observe/facts.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { node } from '../testing/nodes.ts';
import { conflist } from './conflist.ts';

const kernel = new FakeKernel();
const facts = hostFacts(kernel.dump());

test('containernetworking/plugins#697, kubernetes/kubernetes#108121: conflist() returns what the plugin reads, with reservations that end at a reboot', () => {
  expect(JSON.parse(conflist(node(1), facts)!)).toEqual({
    cniVersion: '1.0.0',
    cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
    name: 'cnikit',
    loadOnlyInlinedPlugins: true,
    plugins: [
      {
        type: 'cnikit',
        capabilities: { portMappings: true, bandwidth: true },
        bridge: 'cni0',
        layout: 'routed',
        isDefaultGateway: true,
        hairpinMode: true,
        forceAddress: true,
        mtu: 1500,
        readinessFile: '/run/cnikit/readiness.json',
        ipam: {
          type: 'host-local',
          dataDir: '/run/cnikit/ipam',
          ranges: [[{ subnet: '10.244.1.0/24' }], [{ subnet: 'fd00:10:244:1::/64' }]],
        },
      },
    ],
  });
});

test('conflist() names the routed layout beside the bridge of earlier pods', () => {
  const pluginOf = (layout: 'bridge' | 'routed') =>
    JSON.parse(conflist(node(1), facts, { layout })!).plugins[0] as { routerSolicitations?: boolean };
  const { routerSolicitations, ...onBridge } = pluginOf('bridge');
  expect(routerSolicitations).toBe(false);
  expect(pluginOf('routed')).toEqual({ ...onBridge, layout: 'routed' });
  expect(pluginOf('bridge')).not.toHaveProperty('layout');
});

test('conflist() has the given state directory and chained plugins', () => {
  const chain = [{ type: 'tuning', mtu: 1400 }];
  const { plugins } = JSON.parse(conflist(node(1), facts, { stateDir: '/run/other', chain })!);
  expect(plugins[0]).toMatchObject({
    readinessFile: '/run/other/readiness.json',
    ipam: { dataDir: '/run/other/ipam' },
  });
  expect(plugins.slice(1)).toEqual(chain);
});

test.each([
  [['0.4.0', '1.0.0', '1.1.0'], '1.0.0'],
  [['0.4.0', '1.0.0'], '1.0.0'],
  [['0.3.1'], '0.3.1'],
  [['1.1.0'], '1.1.0'],
])('conflist() with the versions %j has cniVersion %s', (versions, cniVersion) => {
  expect(JSON.parse(conflist(node(1), facts, { versions })!)).toMatchObject({
    cniVersion,
    cniVersions: versions,
  });
});

test('aojea/kindnet#10: conflist() keeps the order of podCIDRs, even with IPv6 first', () => {
  const own = node(1, { podCIDRs: ['fd00::/64', '10.244.1.0/24'] });
  expect(JSON.parse(conflist(own, facts)!).plugins[0].ipam.ranges).toEqual([
    [{ subnet: 'fd00::/64' }],
    [{ subnet: '10.244.1.0/24' }],
  ]);
});

test('conflist() has hostSysctls only for settings that the agent cannot write', () => {
  const hostSysctls = { 'net/ipv4/ip_forward': '1' };
  expect(JSON.parse(conflist(node(1), facts, { hostSysctls })!).plugins[0]).toMatchObject({ hostSysctls });
  expect(conflist(node(1), facts)).not.toContain('hostSysctls');
});

test('conflist() names the socket for reports of pods only with network policy', () => {
  const pluginOf = (networkPolicy: boolean) =>
    JSON.parse(conflist(node(1), facts, { networkPolicy, stateDir: '/s' })!).plugins[0] as object;
  expect(pluginOf(true)).toEqual({ ...pluginOf(false), policy: { socket: '/s/policy.sock' } });
  expect(pluginOf(false)).not.toHaveProperty('policy');
});

test('conflist() lists namespaces for foreign source addresses only with the layout routed', () => {
  const pluginOf = (options: object) =>
    JSON.parse(conflist(node(1), facts, options)!).plugins[0] as { capabilities: object };
  const foreignSourceNamespaces = ['vpn', 'edge'];
  const annotations = { 'io.kubernetes.cri.pod-annotations': true };
  const plain = pluginOf({});
  expect(pluginOf({ foreignSourceNamespaces })).toEqual({
    ...plain,
    capabilities: { ...plain.capabilities, ...annotations },
    foreignSourceNamespaces,
  });
  expect(pluginOf({ foreignSourceNamespaces: [] })).toEqual(plain);
  expect(pluginOf({ foreignSourceNamespaces, layout: 'bridge' })).toEqual(pluginOf({ layout: 'bridge' }));
});

test('conflist() has MAC addresses follow from addresses only with the layout bridge', () => {
  const pluginOf = (options: object) => JSON.parse(conflist(node(1), facts, options)!).plugins[0];
  expect(pluginOf({ macFromAddress: true, layout: 'bridge' })).toEqual({
    ...pluginOf({ layout: 'bridge' }),
    macFromAddress: true,
  });
  expect(pluginOf({ macFromAddress: true })).toEqual(pluginOf({}));
});

test('conflist() returns undefined without a podCIDR', () => {
  expect(conflist(node(1, { podCIDRs: [] }), facts)).toBeUndefined();
});

describe('conflist() takes the MTU', () => {
  const links = [
    { index: 2, name: 'eth0', mtu: 9000, up: true },
    { index: 3, name: 'eth1', mtu: 1400, up: true },
  ];
  const addresses = [{ index: 3, address: '192.0.2.1/24' }];
  const route = { family: 'ipv4', dst: '0.0.0.0/0', protocol: 'boot', type: 'unicast' } as const;
  const mtu = (state: Parameters<typeof hostFacts>[0], outside?: string): number | undefined =>
    JSON.parse(conflist(node(1), hostFacts(state, outside))!).plugins[0].mtu;

  test.each([
    [
      'of the default route with the least metric',
      [
        { ...route, oif: 3, priority: 200 },
        { ...route, oif: 2, priority: 100 },
      ],
      undefined,
      9000,
    ],
    ['of the interface that was named', [{ ...route, oif: 2, priority: 0 }], 'eth1', 1400],
    ['of the link with the InternalIP when there is no default route', [], undefined, 1400],
  ])('%s', (_, routes, outside, want) => {
    expect(mtu({ links, addresses, routes }, outside)).toBe(want);
  });

  test('conflist() has no MTU when none is known, so that the kernel chooses', () => {
    expect(mtu({ links: [], addresses: [], routes: [] })).toBeUndefined();
  });
});
