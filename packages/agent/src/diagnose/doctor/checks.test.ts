import { hostVethName } from '@cnikit/plugin';
import { expect, test } from 'vitest';
import { problem } from '../../core/problem.ts';
import type { DesiredHost } from '../../desired/desired-host.ts';
import type { Leak } from '../../leaks/find.ts';
import {
  access,
  backend,
  claimsOf,
  healthy,
  holds,
  peer,
  route,
  stateFiles,
} from '../../testing/doctor-facts.ts';
import { node } from '../../testing/nodes.ts';
import { checks, diagnose, exitStatus } from './diagnose.ts';
import type { DoctorFacts } from './facts.ts';

test('diagnose() describes the healthy state for each check when there is no finding', () => {
  const results = diagnose(healthy());
  expect(results.flatMap(({ findings }) => findings)).toEqual([]);
  expect(results.map(({ check }) => check)).toEqual(checks.map(({ name }) => name));
  for (const { good } of results) {
    expect(good).toMatch(/^[^ ].*\.$/);
  }
  expect(exitStatus(results)).toBe(0);
});

const desired: DesiredHost = {
  sysctls: [],
  backend: { name: 'iptables', accept: [], reason: 'the default' },
  nftables: undefined,
  rules: { ipv4: [], ipv6: [] },
  inside: { ipv4: undefined, ipv6: undefined },
  conflist: undefined,
  problems: [],
};
const action = { kind: 'route', op: 'add', route } as const;
const leak: Leak = {
  kind: 'reservation',
  key: 'r',
  containerID: 'abc',
  ifName: 'eth0',
  addresses: ['10.244.1.9'],
  pod: 'default/web',
};

const cases: [string, Partial<DoctorFacts>, 'failure' | 'warning', RegExp][] = [
  [
    'an unreachable API server',
    { api: { server: 's', error: 'ECONNREFUSED', access: [] } },
    'failure',
    /^Cannot list Nodes from the API server s: ECONNREFUSED/,
  ],
  [
    'an unknown podCIDR',
    { own: undefined, api: { server: 's', error: 'ECONNREFUSED', access: [] } },
    'warning',
    /^The podCIDR of Node n1 is unknown, because its Node object could not be read/,
  ],
  [
    'a missing required permission',
    { api: { server: 's', access: [{ ...access, allowed: false }] } },
    'failure',
    /^The agent is not allowed to list nodes; it needs this to know/,
  ],
  [
    'a missing optional permission',
    { api: { server: 's', access: [{ ...access, namespace: 'default', needed: false, allowed: false }] } },
    'warning',
    /not allowed to list nodes in namespace default/,
  ],
  ['a missing podCIDR', { own: node(1, { podCIDRs: [] }) }, 'failure', /^Node n1 has no podCIDR/],
  [
    'a podCIDR family without InternalIP',
    { own: node(1, { internalIPs: ['192.0.2.1'] }) },
    'failure',
    /^Node n1 has an ipv6 podCIDR but no InternalIP of that family/,
  ],
  [
    'an agent that is not ready',
    { agent: { ready: false, problems: ['It waits.'] } },
    'failure',
    /has not programmed the data path: It waits/,
  ],
  [
    'a missing readiness file while the agent runs',
    { stateFiles: { ...stateFiles, readiness: undefined } },
    'failure',
    /^\/run\/cnikit\/readiness.json does not exist or is unreadable, so STATUS of the plugin fails/,
  ],
  [
    'a missing readiness file while no agent runs',
    { stateFiles: { ...stateFiles, readiness: undefined }, agent: undefined },
    'failure',
    /^\/run\/cnikit\/readiness.json does not exist/,
  ],
  [
    'a readiness file that keeps the node not ready',
    { stateFiles: { ...stateFiles, readiness: { ready: false, reason: 'No rules' } } },
    'failure',
    /reports that this node is not ready: No rules\.$/,
  ],
  [
    'a readiness file that contradicts the agent',
    { agent: { ready: false, problems: [] } },
    'failure',
    /reports that this node is ready, but the running agent reports that it is not\.$/,
  ],
  [
    'a podCIDR that overlaps a network of this node',
    {
      links: [{ index: 7, name: 'docker0', kind: 'bridge', mtu: 1500 }],
      addresses: [{ index: 7, address: '10.244.1.1/16' }],
      claims: claimsOf(node(2)),
    },
    'failure',
    /^podCIDR 10\.244\.2\.0\/24 of node n2 overlaps 10\.244\.0\.0\/16 of link docker0/,
  ],
  [
    'a direct route on a link without a link layer',
    { links: [{ index: 2, name: 'wg0', mtu: 1420, flags: 0x91 }], peers: [] },
    'warning',
    /^Routes to pods use wg0, a link without a link layer/,
  ],
  [
    'a missing saved state',
    { stateFiles: { ...stateFiles, saved: false } },
    'warning',
    /^\/run\/cnikit\/state.json does not exist or is invalid/,
  ],
  [
    'a wrong sysctl of a VLAN interface, with slashes, which sysctl(8) needs',
    {
      sysctls: [
        {
          kind: 'sysctl',
          key: 'net/ipv4/conf/eth0.100/rp_filter',
          from: '1',
          to: '2',
          why: 'it is strict',
        },
      ],
    },
    'failure',
    /^net\/ipv4\/conf\/eth0\.100\/rp_filter is 1 but should be 2/,
  ],
  [
    'a missing plugin',
    { files: [{ kind: 'file', op: 'add', path: '/opt/cni/bin/cnikit' }] },
    'failure',
    /^Plugin \/opt\/cni\/bin\/cnikit does not exist/,
  ],
  [
    'a chained plugin that is not installed',
    { plugin: { path: '/opt/cni/bin/cnikit', versions: ['1.0.0'], missing: ['tuning'] } },
    'failure',
    /^Plugin tuning is not installed/,
  ],
  [
    'a runtime that looks for plugins in another folder',
    {
      plugin: {
        path: '/opt/cni/bin/cnikit',
        versions: ['1.0.0'],
        missing: [],
        runtimes: [{ runtime: 'containerd', file: '/etc/containerd/config.toml', binDirs: ['/usr/lib/cni'] }],
      },
    },
    'failure',
    /^containerd looks for plugins in \/usr\/lib\/cni \(\/etc\/containerd\/config.toml\), but cnikit is installed as/,
  ],
  [
    'a route of another program inside of the own podCIDR',
    {
      desired: {
        sysctls: [],
        problems: [problem('inside-route', '10.244.1.0/24', 'A route of another program drops packets')],
      } as unknown as DesiredHost,
    },
    'failure',
    /^A route of another program drops packets\.$/,
  ],
  [
    'a strict reverse path filter of IPv6 beside a tunnel',
    {
      strictFilters: ['inet firewalld filter_PREROUTING'],
      links: [{ index: 7, name: 'cnikit-vx', kind: 'vxlan', mtu: 1450 }],
      routes: {
        changes: [],
        problems: [],
        wanted: new Map([['fd00:2::/64', { dst: 'fd00:2::/64', via: 'fe80::2', oif: 7, dev: 'cnikit-vx' }]]),
      },
    },
    'warning',
    /^Chain inet firewalld filter_PREROUTING drops IPv6 packets that arrive on another link/,
  ],
  [
    'a deleted bridge under running pods',
    { links: [{ index: 9, name: hostVethName('cnikit', 'c1', 'eth0'), mtu: 1500 }] },
    'failure',
    /^cni0 does not exist although 1 pods run/,
  ],
  [
    'a host end that is not a port of the bridge',
    {
      links: [
        { index: 8, name: 'cni0', kind: 'bridge', mtu: 1500 },
        { index: 9, name: hostVethName('cnikit', 'c1', 'eth0'), mtu: 1500, master: 0 },
        { index: 10, name: hostVethName('cnikit', 'c2', 'eth0'), mtu: 1500, master: 8 },
      ],
    },
    'failure',
    /^veth\w+ of running pods is not a port of cni0/,
  ],
  [
    'a gateway address that running pods lack',
    {
      links: [{ index: 8, name: 'cni0', kind: 'bridge', mtu: 1500 }],
      addresses: [],
      runningAddresses: [{ address: '10.244.1.5', containerID: 'c1', ifName: 'eth0' }],
    },
    'failure',
    /^cni0 lacks the address 10\.244\.1\.1, which is the gateway of running pods/,
  ],
  [
    'a running pod from an earlier podCIDR',
    { runningAddresses: [{ address: '10.99.1.5', containerID: 'c1', ifName: 'eth0', pod: 'default/web' }] },
    'failure',
    /^Pod default\/web has address 10\.99\.1\.5, which is outside of this node's podCIDR/,
  ],
  [
    'a runtime that reads configurations from another folder',
    {
      plugin: {
        path: '/opt/cni/bin/cnikit',
        versions: ['1.0.0'],
        missing: [],
        runtimes: [
          {
            runtime: 'containerd',
            file: '',
            binDirs: [],
            confDir: { dir: '/etc/cni/other.d', file: '/etc/containerd/config.toml' },
          },
        ],
      },
    },
    'failure',
    /^containerd reads network configurations from \/etc\/cni\/other.d \(\/etc\/containerd\/config.toml\), but cnikit writes/,
  ],
  [
    'a conflist that offers a CNI version which a chained plugin does not speak',
    {
      plugin: {
        path: '/opt/cni/bin/cnikit',
        versions: ['1.0.0'],
        missing: [],
        unspoken: [{ type: 'tuning', versions: ['1.0.0'], offered: '1.1.0' }],
      },
    },
    'failure',
    /^05-cnikit.conflist offers CNI 1.1.0, but its plugin tuning speaks 1.0.0 only/,
  ],
  [
    'a chained plugin that limits the CNI version',
    {
      desired: {
        ...desired,
        problems: [problem('chain-version', 'tuning', 'The chained plugin tuning is old')],
      },
    },
    'warning',
    /^The chained plugin tuning is old\.$/,
  ],
  [
    'an invalid list of chained plugins',
    { desired: { ...desired, problems: [problem('chain', '', 'Cannot use the chained plugins')] } },
    'failure',
    /^Cannot use the chained plugins\.$/,
  ],
  [
    'a file that a rollback holds',
    { fileProblems: [problem('held-file', 'x', 'It is held')] },
    'warning',
    /^It is held\.$/,
  ],
  [
    'a configuration that sorts after ours',
    {
      configurations: [
        { file: '05-cnikit.conflist', name: 'cnikit', types: ['cnikit'] },
        { file: '10-old.conf', name: 'old', types: ['bridge'] },
      ],
    },
    'warning',
    /10-old.conf \(network old, plugins bridge\); the container runtime would use it/,
  ],
  [
    'a Multus configuration with an old copy of ours',
    {
      configurations: [
        { file: '00-multus.conf', name: 'm', types: ['multus'], delegation: 'old-copy' },
        { file: '05-cnikit.conflist', name: 'cnikit', types: ['cnikit'] },
      ],
    },
    'warning',
    /00-multus.conf \(network m, plugins multus\) delegates to a copy of 05-cnikit.conflist that differs/,
  ],
  [
    'the number of further wrong routes',
    { routes: { changes: new Array(9).fill(action), problems: [], wanted: new Map() } },
    'failure',
    /^4 more routes are missing or wrong/,
  ],
  [
    'a gateway that does not answer',
    { peers: [{ ...peer, hop: '192.0.2.254', neighbour: 'unresolved' }] },
    'failure',
    /^192.0.2.254, the gateway to 192.0.2.2 of node n2, does not answer on eth0/,
  ],
  [
    'a node without a route to it',
    { peers: [{ ...peer, neighbour: 'none' }] },
    'failure',
    /^No route to 192.0.2.2/,
  ],
  [
    'a bridge with an outdated MTU',
    {
      links: [
        { index: 2, name: 'eth0', mtu: 1400 },
        { index: 3, name: 'cni0', kind: 'bridge', mtu: 1500 },
      ],
    },
    'warning',
    /^The bridge cni0 has MTU 1500, but the egress interface has 1400/,
  ],
  [
    'unreadable rules',
    { rules: [{ family: 'ipv4', changes: [], error: 'no iptables' }] },
    'failure',
    /^Cannot read the ipv4 rules: no iptables/,
  ],
  [
    'a firewall that drops forwarded packets in its own table',
    { filterProblems: [problem('foreign-filter', 'inet firewalld filter_FORWARD', 'Chain X drops')] },
    'warning',
    /^Chain X drops/,
  ],
  [
    'a difference of the nftables table',
    { rules: [{ family: 'inet', changes: ['- set inet cnikit-agent inside4 203.0.113.0/24'] }] },
    'failure',
    /^Out of sync \(inet\): - set inet cnikit-agent inside4/,
  ],
  ['masqueraded ports that are not randomised', { randomPorts: false }, 'warning', /older than 3\.13/],
  [
    'cnikit chains in the other iptables variant',
    {
      rules: [
        {
          family: 'ipv4',
          changes: [],
          backend: { ...backend, legacy: { ...holds, own: ['CNIKIT-MASQ'] } },
        },
      ],
    },
    'failure',
    /^cnikit chains also exist in iptables-legacy \(CNIKIT-MASQ\)/,
  ],
  [
    'k3s-io/k3s#5885: a full range',
    { pools: [{ range: 'r', used: 253, free: 0 }] },
    'failure',
    /no more pods can start on this node/,
  ],
  [
    'a nearly full range',
    { pools: [{ range: 'r', used: 95, free: 5 }] },
    'warning',
    /^95 of 100 addresses of r/,
  ],
  ['a leaked reservation', { leaks: [leak] }, 'warning', /10.244.1.9 for pod default\/web/],
  [
    'a cni0 that is not a bridge',
    { links: [{ index: 3, name: 'cni0', mtu: 1500 }] },
    'failure',
    /^cni0 exists but is not a bridge \(kind: device\)/,
  ],
  [
    'the links of Calico in one finding',
    {
      links: Array.from({ length: 12 }, (_, i) => ({ index: i, name: `cali0123456789${i % 10}`, mtu: 1500 })),
    },
    'warning',
    /^Found links of Calico: .* and 9 more/,
  ],
];

test.each(cases)('diagnose() reports %s', (_, changes, level, message) => {
  const results = diagnose(healthy(changes));
  const findings = results.flatMap((result) => result.findings);
  expect(findings).toContainEqual(
    expect.objectContaining({
      level,
      message: expect.stringMatching(message),
      fix: expect.any(String),
    }),
  );
  expect(exitStatus(results)).toBe(findings.some((finding) => finding.level === 'failure') ? 4 : 3);
});

test('diagnose() does not make a missing agent the cause of an invalid list of chained plugins', () => {
  const invalid = { ...desired, problems: [problem('chain', '', 'Cannot use the chained plugins')] };
  const results = diagnose(healthy({ agent: undefined, desired: invalid }));
  expect(results.find(({ check }) => check === 'plugin')!.findings).toEqual([
    {
      level: 'failure',
      message: 'Cannot use the chained plugins.',
      fix: expect.stringContaining('Correct the --chain file'),
    },
  ]);
});

test('diagnose() reports a running pod without a reservation once, as a pod and not as a leak', () => {
  const unreserved: Leak = {
    kind: 'unreserved',
    key: 'unreserved vetha',
    link: { name: 'vetha', index: 7, peerHere: false },
  };
  const findings = diagnose(healthy({ leaks: [unreserved], reservedAddresses: [] })).flatMap(
    (result) => result.findings,
  );
  expect(findings.map(({ message }) => message)).toEqual([
    'The pod behind vetha runs without a reserved address: another pod may get the same address.',
  ]);
});

test.each([
  ['warns of an unreserved address of the podCIDR', '10.244.1.9', ['vetha'], 1],
  ["warns of an unreserved address of another node's podCIDR", '10.244.2.9', ['vetha'], 1],
  ['ignores an address outside the podCIDRs, which a pod gave itself', '192.168.7.1', ['vetha'], 0],
  ['ignores an address outside the podCIDRs that two pods have', '192.168.7.1', ['vetha', 'vethb'], 0],
])('diagnose() %s', (_, address, links, count) => {
  const podAddresses = [...healthy().podAddresses, ...links.map((link) => ({ link, address }))];
  expect(diagnose(healthy({ podAddresses })).flatMap((result) => result.findings)).toHaveLength(count);
});

test('diagnose() explains when the agent releases a leak, and why it does not without a runtime', () => {
  const fix = (runtimeUp: boolean): string =>
    diagnose(healthy({ leaks: [leak], runtimeUp })).find(({ check }) => check === 'leaks')!.findings[0]!.fix;
  expect(fix(true)).toMatch(/--leak-grace/);
  expect(fix(false)).toMatch(/--runtime-socket/);
});

test('diagnose() reports the path MTU as unknown when no node answers', () => {
  const silent = healthy({ peers: [{ ...peer, mtu: { result: 'silent' } }] });
  expect(diagnose(silent).find(({ check }) => check === 'mtu')!.good).toMatch(/so the path MTU is unknown/);
});

test('diagnose() does not blame a packet filter or count to 0 on the only node of a cluster', () => {
  const alone = diagnose(healthy({ peers: [], peerCount: 0, links: [] }));
  const good = (name: string) => alone.find(({ check }) => check === name)!.good;
  expect(good('neighbours')).toBe('There is no other node to probe.');
  expect(good('mtu')).toBe('There is no path to another node whose MTU could be too small.');
  expect(good('pods')).toBe('No pod on this node uses the pod network.');
});

test('diagnose() accepts routed pods, beside pods on a bridge and without one', () => {
  const routed = (n: number) => ({
    index: n,
    name: hostVethName('cnikit', `c${n}`, 'eth0'),
    mtu: 1500,
    group: 0x6300_0007,
  });
  const onBridge = { ...routed(9), group: 0, master: 3 };
  const [, bridge] = healthy().links;
  const goodOf = (...links: DoctorFacts['links']) => {
    const facts = healthy({ links, addresses: [], runningAddresses: [] });
    return diagnose(facts).filter(({ check }) => check === 'pods');
  };
  expect(goodOf(routed(8))).toMatchObject([
    { findings: [], good: 'All 1 running pods are attached: 1 by their own routes, 0 to cni0.' },
  ]);
  expect(goodOf(bridge!, routed(8), onBridge)).toMatchObject([
    { findings: [], good: 'All 2 running pods are attached: 1 by their own routes, 1 to cni0.' },
  ]);
});

test('diagnose() has no finding about a Multus configuration that delegates to ours', () => {
  const delegation = 'reference' as const;
  const multus = { file: '00-multus.conf', name: 'm', types: ['multus-shim'], delegation };
  const ours = { file: '05-cnikit.conflist', name: 'cnikit', types: ['cnikit'] };
  const result = diagnose(healthy({ configurations: [multus, ours] })).find(
    ({ check }) => check === 'configuration',
  );
  expect(result).toMatchObject({
    findings: [],
    good: expect.stringMatching(/00-multus.conf, which delegates the default network of pods to cnikit/),
  });
});

test('diagnose() accepts a plugin in a later folder of a runtime, and folders that only one runtime uses', () => {
  const confDir = { dir: '/etc/cni/net.d/', file: '/etc/containerd/config.toml' };
  const runtimes = [
    { runtime: 'CRI-O', file: '', binDirs: [], confDir: { dir: '/other', file: '/etc/crio/crio.conf' } },
    {
      runtime: 'containerd',
      confDir,
      file: '/etc/containerd/config.toml',
      binDirs: ['/usr/lib/cni', '/opt/cni/bin/'],
    },
  ];
  const plugin = { path: '/opt/cni/bin/cnikit', versions: ['1.0.0'], missing: [], runtimes };
  expect(diagnose(healthy({ plugin })).flatMap(({ findings }) => findings)).toEqual([]);
});

const wanted = new Map();
test.each<[string, Partial<DoctorFacts>, RegExp[]]>([
  [
    'five wrong routes without a number of others',
    { routes: { changes: new Array(5).fill(action), problems: [], wanted } },
    new Array(5).fill(/^Out of sync/),
  ],
  [
    'no podCIDR with several claimants, which another check reports',
    { routes: { changes: [], problems: [problem('claim', 'n2', 'claimed twice')], wanted } },
    [],
  ],
  ['a failed self-test', { selfTest: [problem('self-test', 'n2', 'No reply')] }, [/^No reply/]],
  [
    'missing routes, and not the self-test that fails for them',
    {
      selfTest: [problem('self-test', 'n2', 'No reply')],
      routes: { changes: [action], problems: [], wanted },
    },
    [/^Out of sync/],
  ],
])('diagnose() of routes reports %s', (_, changes, messages) => {
  const result = diagnose(healthy(changes)).find(({ check }) => check === 'routes');
  expect(result?.findings.map(({ message }) => message)).toEqual(
    messages.map((message) => expect.stringMatching(message)),
  );
});
