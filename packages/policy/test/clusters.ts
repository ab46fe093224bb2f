import fc from 'fast-check';
import type {
  Cluster,
  ClusterObject,
  LabelSelector,
  Namespace,
  NetworkPolicy,
  Peer,
  Pod,
  PolicyPort,
} from '../src/index.ts';
import { readCluster } from '../src/index.ts';

const NAMESPACES = ['x', 'y', 'z'];
const NODES = ['n1', 'n2'];

/** Addresses outside the cluster, and blocks that contain some of them and some of the pods. */
export const EXTERNAL = ['192.0.2.1', '198.51.100.9', '2001:db8::1'];
const BLOCKS = [
  { cidr: '0.0.0.0/0' },
  { cidr: '0.0.0.0/0', except: ['10.0.0.0/28'] },
  { cidr: '10.0.0.0/29', except: ['10.0.0.2/32', '10.0.0.4/31'] },
  { cidr: '10.0.0.3/32' },
  { cidr: '192.0.2.0/24' },
  { cidr: '::/0', except: ['fd00::2/127'] },
  { cidr: 'fd00::/125' },
  { cidr: '2001:db8::/32' },
];
export const PORTS = [79, 80, 81, 8080];
const NAMES = ['web', 'dns'];

const labels: fc.Arbitrary<Record<string, string>> = fc.record(
  { app: fc.constantFrom('a', 'b', 'c'), tier: fc.constantFrom('front', 'back') },
  { requiredKeys: [] },
);

const expression = fc.oneof(
  fc.record({
    key: fc.constantFrom('app', 'tier', 'absent'),
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.subarray(['a', 'b', 'front', 'back'], { minLength: 1 }),
  }),
  fc.record({
    key: fc.constantFrom('app', 'tier', 'absent'),
    operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const),
  }),
);

const selector: fc.Arbitrary<LabelSelector> = fc.oneof(
  fc.constant({}),
  fc.record({ matchLabels: labels }),
  fc.record({ matchExpressions: fc.array(expression, { minLength: 1, maxLength: 2 }) }),
);

const namespaceSelector: fc.Arbitrary<LabelSelector> = fc.oneof(
  selector,
  fc.record({ matchLabels: fc.record({ 'kubernetes.io/metadata.name': fc.constantFrom(...NAMESPACES) }) }),
);

const peer: fc.Arbitrary<Peer> = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector }),
  fc.record({ podSelector: selector, namespaceSelector }),
  fc.record({ ipBlock: fc.constantFrom(...BLOCKS) }),
);

const protocol = fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const);

const port: fc.Arbitrary<PolicyPort> = fc.oneof(
  fc.record({ port: fc.constantFrom(80, 81) }),
  fc.record({ protocol, port: fc.constantFrom(80, 81) }),
  fc.record({ protocol, port: fc.constantFrom(79, 80), endPort: fc.constantFrom(80, 8080) }),
  fc.record({ protocol, port: fc.constantFrom(...NAMES) }),
  fc.record({ protocol }),
);

const peers = fc.option(fc.array(peer, { maxLength: 3 }), { nil: undefined });
const ports = fc.option(fc.array(port, { maxLength: 3 }), { nil: undefined });

/** A policy of one of six names, so that histories replace policies. */
export const policy: fc.Arbitrary<NetworkPolicy> = fc
  .record({
    namespace: fc.constantFrom(...NAMESPACES),
    name: fc.constantFrom('p', 'q'),
    podSelector: fc.option(selector, { nil: undefined }),
    policyTypes: fc.option(fc.subarray(['Ingress' as const, 'Egress' as const]), { nil: undefined }),
    ingress: fc.option(fc.array(fc.record({ from: peers, ports }), { maxLength: 2 }), { nil: undefined }),
    egress: fc.option(fc.array(fc.record({ to: peers, ports }), { maxLength: 2 }), { nil: undefined }),
  })
  .map(({ namespace, name, ...spec }) => ({ kind: 'NetworkPolicy', metadata: { namespace, name }, spec }));

export const namespace: fc.Arbitrary<Namespace> = fc
  .record({ name: fc.constantFrom(...NAMESPACES), labels })
  .map((metadata) => ({ kind: 'Namespace', metadata }));

const containerPort = fc.record({
  name: fc.constantFrom(...NAMES),
  containerPort: fc.constantFrom(...PORTS),
  protocol: fc.option(protocol, { nil: undefined }),
});

/** A pod of one of nine names with one of twelve addresses, so that pods share addresses as a late API lists them. */
export const pod: fc.Arbitrary<Pod> = fc
  .record({
    namespace: fc.constantFrom(...NAMESPACES),
    name: fc.constantFrom('a', 'b', 'c'),
    labels,
    node: fc.constantFrom(...NODES),
    host: fc.integer({ min: 1, max: 12 }),
    families: fc.constantFrom('4', '6', '46'),
    age: fc.integer({ min: 0, max: 59 }),
    phase: fc.constantFrom('Running', 'Running', 'Running', 'Running', 'Pending', 'Succeeded', 'Failed'),
    hostNetwork: fc.constantFrom(false, false, false, false, true),
    ports: fc.array(containerPort, { maxLength: 2 }),
    sidecarPorts: fc.array(containerPort, { maxLength: 1 }),
    sidecar: fc.boolean(),
  })
  .map(({ namespace, name, labels, node, host, families, age, phase, hostNetwork, ports, ...init }) => ({
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      labels,
      creationTimestamp: `2026-01-01T00:00:${String(age).padStart(2, '0')}Z`,
    },
    spec: {
      nodeName: node,
      hostNetwork,
      containers: [{ ports }],
      initContainers: [{ ports: init.sidecarPorts, restartPolicy: init.sidecar ? 'Always' : undefined }],
    },
    status: {
      phase,
      podIPs: hostNetwork
        ? [{ ip: nodeAddress(node) }]
        : [
            ...(families.includes('4') ? [{ ip: `10.0.0.${host}` }] : []),
            ...(families.includes('6') ? [{ ip: `fd00::${host.toString(16)}` }] : []),
          ],
    },
  }));

export function nodeAddress(node: string): string {
  return node === 'n1' ? '172.16.0.1' : '172.16.0.2';
}

export const NODE_OBJECTS = NODES.map((name) => ({
  kind: 'Node',
  metadata: { name },
  status: { addresses: [{ type: 'InternalIP', address: nodeAddress(name) }] },
}));

/** A cluster of three namespaces, nine pods at most and a few policies. */
export const cluster: fc.Arbitrary<Cluster> = fc
  .record({
    namespaces: fc.array(namespace, { maxLength: 3 }),
    pods: fc.uniqueArray(pod, { selector: keyOf, minLength: 3, maxLength: 9 }),
    policies: fc.uniqueArray(policy, { selector: keyOf, maxLength: 4 }),
  })
  .map(({ namespaces, pods, policies }) =>
    readCluster([...NODE_OBJECTS, ...namespaces, ...pods, ...policies]),
  );

export function keyOf({ metadata }: Pod | NetworkPolicy): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** A change of a cluster. `relabel` gives new labels to the pod of that place in the list of pods. */
export type RandomChange =
  | { type: 'put' | 'delete'; object: ClusterObject }
  | { type: 'relabel'; place: number; labels: Record<string, string> };

export const change: fc.Arbitrary<RandomChange> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom('put' as const, 'put' as const, 'put' as const, 'delete' as const),
      object: fc.oneof(pod, pod, policy, policy, namespace),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('relabel' as const), place: fc.nat(8), labels }) },
);
