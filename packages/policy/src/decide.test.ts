import { expect, test } from 'vitest';
import { decide, EndpointError, type NetworkPolicy, type Pod, readCluster } from './index.ts';

const NODE = {
  kind: 'Node',
  metadata: { name: 'n1' },
  status: { addresses: [{ type: 'InternalIP', address: '172.16.0.1' }] },
};

function pod(
  name: string,
  over: { spec?: Partial<Pod['spec']>; status?: Pod['status']; created?: string } = {},
) {
  return {
    kind: 'Pod',
    metadata: { namespace: 'ns', name, labels: { app: name }, creationTimestamp: over.created },
    spec: { nodeName: 'n1', containers: [], ...over.spec },
    status: { phase: 'Running', ...over.status },
  };
}
const at = (...addresses: string[]): Pod['status'] => ({ podIPs: addresses.map((ip) => ({ ip })) });

function policy(spec: NetworkPolicy['spec'], name = 'p') {
  return { kind: 'NetworkPolicy', metadata: { namespace: 'ns', name }, spec };
}
const app = (name: string) => ({ matchLabels: { app: name } });
const named = (name: string, containerPort: number) => ({
  containers: [{ ports: [{ name, containerPort }] }],
});

test('decide() names the policies that isolate and the rules that allow', () => {
  const cluster = readCluster([
    pod('a'),
    pod('b'),
    policy({ podSelector: app('b'), ingress: [{ from: [{ podSelector: app('c') }] }] }, 'first'),
    policy({ podSelector: app('b'), ingress: [{}, { from: [{ podSelector: app('a') }] }] }, 'second'),
  ]);
  expect(decide(cluster, 'ns/a', 'ns/b', 'TCP', 80)).toEqual({
    allowed: true,
    egress: { allowed: true, reason: 'not-isolated', policies: [], rules: [] },
    ingress: {
      allowed: true,
      reason: 'rule',
      policies: ['ns/first', 'ns/second'],
      rules: [
        { policy: 'ns/second', rule: 0 },
        { policy: 'ns/second', rule: 1 },
      ],
    },
  });
});

test.each([
  ['isolates ingress alone without policyTypes and egress rules', {}, 'ingress'],
  ['isolates ingress alone for an empty egress list', { egress: [] }, 'ingress'],
  [
    'isolates both directions without policyTypes and with egress rules',
    { egress: [{ ports: [{ port: 1 }] }] },
    'both',
  ],
  [
    'isolates both directions for empty policyTypes and egress rules',
    { policyTypes: [], egress: [{ ports: [{ port: 1 }] }] },
    'both',
  ],
  [
    'ignores ingress rules of a policy with type Egress',
    { policyTypes: ['Egress'], ingress: [{}] },
    'egress',
  ],
] as const)('decide() %s', (_, spec, isolated) => {
  const cluster = readCluster([
    pod('a'),
    pod('b'),
    policy({ podSelector: app('b'), ...spec } as NetworkPolicy['spec']),
  ]);
  const into = decide(cluster, 'ns/a', 'ns/b', 'TCP', 80).allowed;
  const out = decide(cluster, 'ns/b', 'ns/a', 'TCP', 80).allowed;
  expect({ into, out }).toEqual({ into: isolated === 'egress', out: isolated === 'ingress' });
});

test('decide() resolves a named port at the destination of each pair', () => {
  const cluster = readCluster([
    pod('client', { spec: named('web', 9) }),
    pod('b', { spec: named('web', 80) }),
    pod('c', { spec: named('web', 8080) }),
    policy({ podSelector: app('client'), policyTypes: ['Egress'], egress: [{ ports: [{ port: 'web' }] }] }),
  ]);
  const asked = [80, 8080, 9].map((port) =>
    ['ns/b', 'ns/c', '192.0.2.1'].map((to) => decide(cluster, 'ns/client', to, 'TCP', port).allowed),
  );
  expect(asked).toEqual([
    [true, false, false],
    [false, true, false],
    [false, false, false],
  ]);
});

test('decide() takes named ports of sidecars and not of other init containers', () => {
  const ports = [{ name: 'web', containerPort: 80 }];
  const cluster = readCluster([
    pod('a'),
    pod('sidecar', { spec: { initContainers: [{ ports, restartPolicy: 'Always' }] } }),
    pod('init', { spec: { initContainers: [{ ports }] } }),
    policy({ ingress: [{ ports: [{ port: 'web' }] }] }),
  ]);
  expect(decide(cluster, 'ns/a', 'ns/sidecar', 'TCP', 80).allowed).toBe(true);
  expect(decide(cluster, 'ns/a', 'ns/init', 'TCP', 80).allowed).toBe(false);
});

test('decide() includes endPort and refuses what lies behind it', () => {
  const cluster = readCluster([
    pod('a'),
    pod('b'),
    policy({ ingress: [{ ports: [{ port: 80, endPort: 82 }] }] }),
  ]);
  expect([79, 80, 82, 83].map((port) => decide(cluster, 'ns/a', 'ns/b', 'TCP', port).allowed)).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test('decide() allows ICMP by rules without ports only', () => {
  const open = readCluster([pod('a'), pod('b'), policy({ ingress: [{}] })]);
  const ports = readCluster([pod('a'), pod('b'), policy({ ingress: [{ ports: [{ protocol: 'TCP' }] }] })]);
  expect(decide(open, 'ns/a', 'ns/b', 'ICMP').allowed).toBe(true);
  expect(decide(ports, 'ns/a', 'ns/b', 'ICMP').allowed).toBe(false);
});

test('decide() never selects a pod of the host network, as subject or as peer', () => {
  const cluster = readCluster([
    NODE,
    pod('host', { spec: { hostNetwork: true, nodeName: 'n2' }, status: at('172.16.0.2') }),
    pod('b', { status: at('10.0.0.2') }),
    policy({ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }),
  ]);
  expect(decide(cluster, 'ns/b', 'ns/host', 'TCP', 80).ingress.reason).toBe('not-a-pod');
  expect(decide(cluster, 'ns/host', 'ns/b', 'TCP', 80).allowed).toBe(false);
});

test('decide() allows a node to reach its own pods and judges other nodes by address', () => {
  const cluster = readCluster([
    NODE,
    pod('b', { status: at('10.0.0.2') }),
    policy({ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '172.16.0.9/32' } }] }] }),
  ]);
  expect(decide(cluster, '172.16.0.1', 'ns/b', 'TCP', 80).ingress.reason).toBe('own-node');
  expect(decide(cluster, '172.16.0.2', 'ns/b', 'TCP', 80).allowed).toBe(false);
  expect(decide(cluster, '172.16.0.9', 'ns/b', 'TCP', 80).allowed).toBe(true);
});

test('decide() allows a pod to reach itself under a policy that denies everything', () => {
  const cluster = readCluster([pod('a'), policy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })]);
  expect(decide(cluster, 'ns/a', 'ns/a', 'TCP', 80).ingress.reason).toBe('own-address');
});

test('decide() gives an address to the younger pod and never to a finished one', () => {
  const cluster = readCluster([
    pod('done', { status: { ...at('10.0.0.1'), phase: 'Succeeded' }, created: '2026-01-03T00:00:00Z' }),
    pod('old', { status: at('10.0.0.1'), created: '2026-01-01T00:00:00Z' }),
    pod('new', { status: at('10.0.0.1'), created: '2026-01-02T00:00:00Z' }),
    pod('b', { status: at('10.0.0.2') }),
    policy({ podSelector: app('b'), ingress: [{ from: [{ podSelector: app('new') }] }] }),
  ]);
  expect(decide(cluster, '10.0.0.1', 'ns/b', 'TCP', 80).allowed).toBe(true);
});

test('decide() judges each family of a dual-stack pair by its own blocks', () => {
  const cluster = readCluster([
    pod('a', { status: at('10.0.0.1', 'fd00::1') }),
    pod('b', { status: at('10.0.0.2', 'fd00::2') }),
    policy({ podSelector: app('b'), ingress: [{ from: [{ ipBlock: { cidr: 'fd00::/64' } }] }] }),
  ]);
  const ask = (family?: 'ipv4' | 'ipv6') => decide(cluster, 'ns/a', 'ns/b', 'TCP', 80, family).allowed;
  expect([ask('ipv4'), ask('ipv6'), ask()]).toEqual([false, true, false]);
});

test.each([
  ['an unknown pod', 'ns/absent', 'No pod ns/absent: expected namespace/name of a pod, or an IP address'],
  [
    'text that is not an endpoint',
    'absent',
    'Invalid endpoint "absent": expected namespace/name of a pod, or an IP address',
  ],
  ['a finished pod', 'ns/done', 'Pod ns/done has finished: its address can belong to another pod'],
  ['an address of another family', '192.0.2.1', 'Source and destination have no addresses of one family'],
])('decide() throws EndpointError for %s', (_, source, message) => {
  const cluster = readCluster([
    pod('b', { status: at('fd00::2') }),
    pod('done', { status: { phase: 'Failed' } }),
  ]);
  expect(() => decide(cluster, source, 'ns/b', 'TCP', 80)).toThrow(new EndpointError(message));
});
