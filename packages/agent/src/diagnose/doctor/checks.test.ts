import { describe, expect, test } from 'vitest';
import { problem } from '../../core/problem.ts';
import { Claims } from '../../desired/claims.ts';
import type { Leak } from '../../leaks/find.ts';
import { node } from '../../testing/nodes.ts';
import { checks, diagnose, exitStatus } from './diagnose.ts';
import type { DoctorFacts } from './facts.ts';

const access = { verb: 'list', resource: 'nodes', use: 'to know', needed: true, allowed: true };
const holds = { installed: true, rules: 5, hint: false, own: [] };
const backend = {
  backend: 'nft',
  reason: 'rules',
  nft: holds,
  legacy: { ...holds, rules: 0 },
  mixed: false,
} as const;
const peer = {
  node: 'n2',
  address: '192.0.2.2',
  dev: 'eth0',
  hop: '192.0.2.2',
  neighbour: 'reachable',
  size: 1500,
  mtu: { result: 'fits' },
} as const;
const route = { dst: '10.244.2.0/24', via: '192.0.2.2', oif: 2, dev: 'eth0' };

function claimsOf(...nodes: ReturnType<typeof node>[]): Claims {
  const claims = new Claims();
  for (const each of nodes) {
    claims.set(each);
  }
  return claims;
}

/** A node that is well. */
function well(changes: Partial<DoctorFacts> = {}): DoctorFacts {
  return {
    nodeName: 'n1',
    confDir: '/etc/cni/net.d',
    api: { server: 'https://api:6443', access: [access] },
    claims: claimsOf(node(1), node(2)),
    own: node(1),
    routes: { changes: [], problems: [], wanted: new Map([[route.dst, route]]) },
    selfTest: [],
    sysctls: [],
    randomPorts: true,
    rules: [
      { family: 'ipv4', changes: [], backend },
      { family: 'ipv6', changes: [], backend },
    ],
    configurations: [{ file: '05-cnikit.conflist', name: 'cnikit', types: ['cnikit'] }],
    files: [],
    fileProblems: [],
    plugin: { path: '/opt/cni/bin/cnikit', versions: ['1.0.0', '1.1.0'], missing: [] },
    links: [
      { index: 2, name: 'eth0', mtu: 1500 },
      { index: 3, name: 'cni0', kind: 'bridge', mtu: 1500 },
    ],
    addresses: [
      { index: 3, address: '10.244.1.1/24' },
      { index: 3, address: 'fe80::1/64' },
    ],
    peers: [peer],
    peerCount: 1,
    podAddresses: [{ link: 'vetha', address: '10.244.1.2' }],
    reservedAddresses: ['10.244.1.2'],
    leaks: [],
    pools: [{ range: '10.244.1.0/24', used: 1, free: 252 }],
    runtimeUp: true,
    agent: { ready: true, problems: [] },
    ...changes,
  };
}

test('diagnose() says of each check what is good when nothing is wrong', () => {
  const results = diagnose(well());
  expect(results.flatMap(({ findings }) => findings)).toEqual([]);
  expect(results.map(({ check }) => check)).toEqual(checks.map(({ name }) => name));
  for (const { good } of results) {
    expect(good).toMatch(/^[^ ].*\.$/);
  }
  expect(exitStatus(results)).toBe(0);
});

const action = { kind: 'route', op: 'add', route } as const;
const leak: Leak = {
  kind: 'reservation',
  key: 'r',
  containerID: 'abc',
  ifName: 'eth0',
  addresses: ['10.244.1.9'],
  pod: 'default/web',
};

const cases: Array<[string, Partial<DoctorFacts>, 'failure' | 'warning', RegExp]> = [
  [
    'an API that cannot be reached',
    { api: { server: 's', error: 'ECONNREFUSED', access: [] } },
    'failure',
    /^The API server s did not list its Nodes: ECONNREFUSED/,
  ],
  [
    'a permission that is needed',
    { api: { server: 's', access: [{ ...access, allowed: false }] } },
    'failure',
    /^The agent may not list nodes, which it needs to know/,
  ],
  [
    'a permission that helps',
    { api: { server: 's', access: [{ ...access, namespace: 'default', needed: false, allowed: false }] } },
    'warning',
    /may not list nodes in namespace default/,
  ],
  ['no podCIDR', { own: node(1, { podCIDRs: [] }) }, 'failure', /^Node n1 has no podCIDR/],
  [
    'a family without InternalIP',
    { own: node(1, { internalIPs: ['192.0.2.1'] }) },
    'failure',
    /^Node n1 has pods of ipv6 but no InternalIP of that family/,
  ],
  [
    'an agent that is not ready',
    { agent: { ready: false, problems: ['It waits.'] } },
    'failure',
    /has not programmed the data path: It waits/,
  ],
  [
    'a missing plugin',
    { files: [{ kind: 'file', op: 'add', path: '/opt/cni/bin/cnikit' }] },
    'failure',
    /^There is no plugin at/,
  ],
  [
    'a chained plugin that is not installed',
    { plugin: { path: '/opt/cni/bin/cnikit', versions: ['1.0.0'], missing: ['tuning'] } },
    'failure',
    /^Plugin tuning is not installed/,
  ],
  [
    'a file that is held',
    { fileProblems: [problem('held-file', 'x', 'It is held')] },
    'warning',
    /^It is held\.$/,
  ],
  [
    'a configuration that would come next',
    {
      configurations: [
        { file: '05-cnikit.conflist', name: 'cnikit', types: ['cnikit'] },
        { file: '10-old.conf', name: 'old', types: ['bridge'] },
      ],
    },
    'warning',
    /10-old.conf \(network old, plugins bridge\), which would be used as soon as/,
  ],
  [
    'more routes than are worth a line',
    { routes: { changes: Array(9).fill(action), problems: [], wanted: new Map() } },
    'failure',
    /^So are 4 further routes/,
  ],
  [
    'a gateway that does not answer',
    { peers: [{ ...peer, hop: '192.0.2.254', neighbour: 'unresolved' }] },
    'failure',
    /^192.0.2.254, the gateway to 192.0.2.2 of node n2, does not answer on eth0/,
  ],
  [
    'no way to a node',
    { peers: [{ ...peer, neighbour: 'none' }] },
    'failure',
    /^There is no route to 192.0.2.2/,
  ],
  [
    'a bridge with an MTU from before',
    {
      links: [
        { index: 2, name: 'eth0', mtu: 1400 },
        { index: 3, name: 'cni0', kind: 'bridge', mtu: 1500 },
      ],
    },
    'warning',
    /^The bridge cni0 has MTU 1500, more than the 1400/,
  ],
  [
    'rules that cannot be read',
    { rules: [{ family: 'ipv4', changes: [], error: 'no iptables' }] },
    'failure',
    /^The rules of ipv4 could not be read: no iptables/,
  ],
  ['ports that are not at random', { randomPorts: false }, 'warning', /older than 3\.13/],
  [
    'chains in the other iptables',
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
    /^Chains of cnikit are in iptables-legacy too \(CNIKIT-MASQ\)/,
  ],
  [
    'k3s-io/k3s#5885: a full range',
    { pools: [{ range: 'r', used: 253, free: 0 }] },
    'failure',
    /no further pod can start here/,
  ],
  [
    'a nearly full range',
    { pools: [{ range: 'r', used: 95, free: 5 }] },
    'warning',
    /^95 of 100 addresses of r/,
  ],
  ['what a pod left over', { leaks: [leak] }, 'warning', /10.244.1.9 for pod default\/web/],
  [
    'a cni0 that is no bridge',
    { links: [{ index: 3, name: 'cni0', mtu: 1500 }] },
    'failure',
    /^Link cni0 is no bridge/,
  ],
  [
    'links of Calico, by the dozen',
    {
      links: Array.from({ length: 12 }, (_, i) => ({ index: i, name: `cali0123456789${i % 10}`, mtu: 1500 })),
    },
    'warning',
    /^Calico has links here: .* and 9 more/,
  ],
];

test.each(cases)('diagnose() names %s', (_, changes, level, message) => {
  const results = diagnose(well(changes));
  const findings = results.flatMap((result) => result.findings);
  expect(findings).toContainEqual({
    level,
    message: expect.stringMatching(message),
    fix: expect.any(String),
  });
  expect(exitStatus(results)).toBe(findings.some((finding) => finding.level === 'failure') ? 4 : 3);
});

describe('the check of leaks', () => {
  test('says when the agent would release it, and why it does not', () => {
    const fix = (runtimeUp: boolean): string =>
      diagnose(well({ leaks: [leak], runtimeUp })).find(({ check }) => check === 'leaks')!.findings[0]!.fix;
    expect(fix(true)).toMatch(/--leak-grace/);
    expect(fix(false)).toMatch(/--runtime-socket/);
  });
});

test('the check of the MTU claims nothing when nobody answered', () => {
  const silent = well({ peers: [{ ...peer, mtu: { result: 'silent' } }] });
  expect(diagnose(silent).find(({ check }) => check === 'mtu')!.good).toMatch(/nothing is known of the MTU/);
});
