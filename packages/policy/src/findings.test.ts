import { expect, test } from 'vitest';
import { findings, readCluster } from './index.ts';

const pod = (name: string, extra: object = {}) => ({
  kind: 'Pod',
  metadata: { namespace: 'ns', name, labels: { app: name } },
  spec: { containers: [{ ports: [{ name: 'web', containerPort: 80 }] }], ...extra },
});
const policy = (spec: object, name = 'p') => ({
  kind: 'NetworkPolicy',
  metadata: { namespace: 'ns', name },
  spec,
});
const app = (name: string) => ({ podSelector: { matchLabels: { app: name } } });

test.each([
  ['a policy that selects no pod', policy(app('c')), ['spec.podSelector: Selects no pod of namespace ns']],
  [
    'a peer that matches no pod',
    policy({ ingress: [{ from: [app('a'), app('c')] }] }),
    ['spec.ingress[0].from[1]: Matches no pod'],
  ],
  [
    'a port name that no destination has',
    policy({ ingress: [{ ports: [{ port: 'web' }, { port: 'wbe' }, { port: 'web', protocol: 'UDP' }] }] }),
    [
      'spec.ingress[0].ports[1]: No destination has a TCP port named wbe',
      'spec.ingress[0].ports[2]: No destination has a UDP port named web',
    ],
  ],
  [
    'nothing in a policy whose parts all match',
    policy({ ingress: [{ from: [app('a')], ports: [{ port: 'web' }] }] }),
    [],
  ],
  ['nothing in a block', policy({ ingress: [{ from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }] }), []],
])('findings() finds %s', (_, object, expected) => {
  const found = findings(readCluster([pod('a'), pod('b'), object]));
  expect(found.map(({ field, message }) => `${field}: ${message}`)).toEqual(expected);
});

test('findings() finds a port name that only an init container has, which decide() does not resolve', () => {
  const init = pod('a', {
    containers: [{}],
    initContainers: [{ ports: [{ name: 'web', containerPort: 80 }] }],
  });
  const cluster = readCluster([init, policy({ ingress: [{ ports: [{ port: 'web' }] }] })]);
  expect(findings(cluster).map(({ field }) => field)).toEqual(['spec.ingress[0].ports[0]']);
});

test('findings() counts pods of the host network as no pods', () => {
  const cluster = readCluster([pod('host', { hostNetwork: true }), policy({})]);
  expect(findings(cluster)).toHaveLength(1);
});

test('findings() finds egress that every destination denies', () => {
  const out = policy(
    { ...app('a'), policyTypes: ['Egress'], egress: [{ to: [app('b')], ports: [{ port: 80 }] }] },
    'out',
  );
  const closed = policy({ ...app('b'), ingress: [{ ports: [{ port: 81 }] }] }, 'in');
  const open = policy({ ...app('b'), ingress: [{ ports: [{ port: 80 }] }] }, 'in');
  const pods = [pod('a'), pod('b')];
  expect(findings(readCluster([...pods, out, closed]))).toEqual([
    {
      policy: 'ns/out',
      field: 'spec.egress[0]',
      message: 'Each pod that this rule allows denies the connection at its ingress',
    },
  ]);
  expect(findings(readCluster([...pods, out, open]))).toEqual([]);
});

test('findings() finds ingress that every source denies', () => {
  const admit = policy({ ...app('b'), ingress: [{ from: [app('a')], ports: [{ port: 80 }] }] }, 'in');
  const egress = (port: number) =>
    policy({ ...app('a'), policyTypes: ['Egress'], egress: [{ ports: [{ port }] }] }, 'out');
  const pods = [pod('a'), pod('b')];
  expect(findings(readCluster([...pods, admit, egress(81)]))).toEqual([
    {
      policy: 'ns/in',
      field: 'spec.ingress[0]',
      message: 'Each pod that this rule allows denies the connection at its egress',
    },
  ]);
  expect(findings(readCluster([...pods, admit, egress(80)]))).toEqual([]);
  const anyPort = policy({ ...app('b'), ingress: [{ from: [app('a')] }] }, 'in');
  expect(findings(readCluster([...pods, anyPort, egress(9999)]))).toEqual([]);
});
