import { expect, test } from 'vitest';
import { readPolicy } from './invalid-policy.ts';
import { podReader, readNamespace, readValidPolicy } from './objects.ts';

test('podReader() keeps what policies depend on', () => {
  const read = podReader();
  const web = {
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'u1',
      labels: { app: 'web' },
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations: { 'kubernetes.io/config.mirror': 'hash' },
    },
    spec: {
      nodeName: 'n1',
      containers: [{ ports: [{ name: 'http', containerPort: 80 }, { containerPort: 81 }] }],
      initContainers: [
        { restartPolicy: 'Always', ports: [{ name: 'side', containerPort: 90, protocol: 'UDP' }] },
        { ports: [{ name: 'init', containerPort: 91 }] },
      ],
    },
    status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }, { ip: 'FD00::1' }] },
  };
  const { uid, mirrored, pod } = read(web);
  const { kind, metadata, spec, status } = pod;
  expect({ uid, mirrored, pod: { kind, metadata, spec, status } }).toEqual({
    uid: 'u1',
    mirrored: 'hash',
    pod: {
      kind: 'Pod',
      metadata: {
        namespace: 'shop',
        name: 'web',
        labels: { app: 'web' },
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: {
        nodeName: 'n1',
        containers: [
          {
            ports: [
              { name: 'http', containerPort: 80, protocol: 'TCP' },
              { name: 'side', containerPort: 90, protocol: 'UDP' },
            ],
          },
        ],
      },
      status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] },
    },
  });
  expect(read(web).pod.metadata.labels).toBe(read(web).pod.metadata.labels);
  expect(read(web).pod.spec.containers).toBe(read(web).pod.spec.containers);
});

test('podReader() reads status.podIP where podIPs is missing', () => {
  const { pod } = podReader()({ metadata: { name: 'a' }, status: { podIP: '10.0.0.1' } });
  expect(pod.status?.podIPs).toEqual([{ ip: '10.0.0.1' }]);
});

test.each([
  undefined,
  null,
  'text',
  [],
  { metadata: [], spec: 1, status: 'x' },
  {
    metadata: { labels: { a: 1 } },
    spec: { containers: {}, hostNetwork: 'yes' },
    status: { podIPs: [null, { ip: 7 }] },
  },
  {
    spec: {
      containers: [
        null,
        { ports: [null, { name: 'a', containerPort: '80' }, { name: 'b', containerPort: 1, protocol: 'X' }] },
      ],
    },
  },
])('podReader() reads %j as a pod without addresses and ports', (value) => {
  const { pod } = podReader()(value);
  expect(pod.status?.podIPs).toEqual([]);
  expect(pod.spec).toEqual({ containers: [{ ports: [] }] });
  expect(pod.metadata.labels).toEqual({});
});

test('readNamespace() reads labels', () => {
  expect(readNamespace({ metadata: { name: 'x', labels: { team: 'a', n: 1 } } })).toEqual({
    kind: 'Namespace',
    metadata: { name: 'x', labels: { team: 'a' } },
  });
  expect(readNamespace(null).metadata).toEqual({ name: '', labels: {} });
});

test('readPolicy() and readValidPolicy() return a policy of this API version as it is', () => {
  const spec = { podSelector: { matchLabels: { a: 'b' } }, ingress: [{ from: [{ podSelector: {} }] }] };
  for (const read of [readPolicy, readValidPolicy]) {
    expect(read({ metadata: { name: 'p', namespace: 'x' }, spec })).toEqual({
      policy: { kind: 'NetworkPolicy', metadata: { name: 'p', namespace: 'x' }, spec },
    });
  }
});

test('readValidPolicy() leaves a policy that is not valid to readPolicy()', () => {
  const metadata = { name: 'p', namespace: 'x' };
  for (const spec of [undefined, null, { podSelector: null }, { ingress: [{ ports: [{ port: 0 }] }] }]) {
    expect(readValidPolicy({ metadata, spec })).toBeUndefined();
  }
  expect(readPolicy({ metadata, spec: { podSelector: null } })).toEqual({
    policy: { kind: 'NetworkPolicy', metadata, spec: {} },
  });
});

test('readPolicy() of an unknown field isolates the selected pods and reports the field', () => {
  const podSelector = { matchLabels: { a: 'b' } };
  const { policy, fault } = readPolicy({
    metadata: { name: 'p', namespace: 'x' },
    spec: { podSelector, ingress: [{ from: [{ serviceSelector: {} }] }] },
  });
  expect(policy.spec).toEqual({ podSelector, policyTypes: ['Ingress', 'Egress'] });
  expect(fault).toContain('x/p');
  expect(fault).toContain('serviceSelector');
});

test('readPolicy() of an unknown selector isolates all pods of the namespace', () => {
  const { policy, fault } = readPolicy({
    metadata: { name: 'p', namespace: 'x' },
    spec: { podSelector: { matchImages: {} } },
  });
  expect(policy.spec).toEqual({ policyTypes: ['Ingress', 'Egress'] });
  expect(fault).toContain('matchImages');
});
