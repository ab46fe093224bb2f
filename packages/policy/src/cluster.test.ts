import { expect, test } from 'vitest';
import { decide, InvalidObjectError, readCluster, readObject } from './index.ts';

const policy = (spec: unknown) => ({ kind: 'NetworkPolicy', metadata: { namespace: 'ns', name: 'p' }, spec });
const pod = (name: string, labels: unknown = { app: name }) => ({
  kind: 'Pod',
  metadata: { namespace: 'ns', name, labels },
  spec: { containers: [] },
});
const fromPeer = (peer: unknown) => policy({ ingress: [{ from: [peer] }] });
const toPort = (port: unknown) => policy({ egress: [{ ports: [port] }] });

test.each([
  ['an unknown field of a peer', fromPeer({ ipBLock: { cidr: '10.0.0.0/8' } }), 'spec.ingress[0].from[0]'],
  ['an unknown field of a rule', policy({ ingress: [{ form: [] }] }), 'spec.ingress[0]'],
  ['an unknown field of the spec', policy({ ingres: [] }), 'spec'],
  [
    'an empty peer',
    fromPeer({}),
    'spec.ingress[0].from[0]: expected ipBlock, podSelector or namespaceSelector',
  ],
  [
    'a peer with a null selector',
    fromPeer({ namespaceSelector: null }),
    'spec.ingress[0].from[0]: expected ipBlock',
  ],
  [
    'a peer with ipBlock and selector',
    fromPeer({ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }),
    'not both',
  ],
  [
    'a block without a length',
    fromPeer({ ipBlock: { cidr: '10.0.0.1' } }),
    'ipBlock.cidr: expected a prefix',
  ],
  [
    'an exception outside its block',
    fromPeer({ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }),
    'ipBlock.except[0]: expected a prefix within 10.0.0.0/8',
  ],
  [
    'an exception as long as its block',
    fromPeer({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] } }),
    'except[0]',
  ],
  [
    'an exception of the other family',
    fromPeer({ ipBlock: { cidr: '10.0.0.0/8', except: ['fd00::/64'] } }),
    'except[0]',
  ],
  ['port 0', toPort({ port: 0 }), 'spec.egress[0].ports[0].port'],
  ['a port number as text', toPort({ port: '80' }), 'spec.egress[0].ports[0].port'],
  ['endPort with a named port', toPort({ port: 'web', endPort: 90 }), 'endPort needs a port number in port'],
  ['endPort before port', toPort({ port: 90, endPort: 80 }), 'expected at least port, 90, not 80'],
  ['an unknown protocol', toPort({ protocol: 'tcp', port: 80 }), 'spec.egress[0].ports[0].protocol'],
  [
    'an unknown operator',
    policy({ podSelector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } }),
    'spec.podSelector.matchExpressions[0].operator',
  ],
  [
    'In without values',
    policy({ podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }),
    'at least one value for operator In',
  ],
  [
    'Exists with values',
    policy({ podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } }),
    'no value for operator Exists',
  ],
  ['a label that is not text', pod('a', { app: 1 }), 'metadata.labels.app'],
  ['a policy without metadata', { kind: 'NetworkPolicy', spec: {} }, 'Invalid NetworkPolicy without a name'],
])('readObject() throws InvalidObjectError for %s', (_, object, message) => {
  expect(() => readObject(object)).toThrow(InvalidObjectError);
  expect(() => readObject(object)).toThrow(message);
});

test('readObject() takes `_from`, the name of `from` in the models of @kubernetes/client-node', () => {
  const cluster = readCluster([
    pod('a'),
    pod('b'),
    policy({ ingress: [{ _from: [{ podSelector: { matchLabels: { app: 'b' } } }] }] }),
  ]);
  expect(decide(cluster, 'ns/b', 'ns/a', 'TCP', 80).allowed).toBe(true);
  expect(
    decide(readCluster([pod('a'), pod('c'), ...cluster.policies]), 'ns/c', 'ns/a', 'TCP', 80).allowed,
  ).toBe(false);
});

test('readObject() counts a field that is null as absent', () => {
  expect(readObject(policy({ ingress: null, egress: [{ to: null }] }))).toMatchObject({
    spec: { egress: [{}] },
  });
});

test('readObject() returns undefined for other kinds and for values that are not objects', () => {
  expect(
    [{ kind: 'Service' }, {}, null, 'text', { kind: 'toString' }].map((value) => readObject(value)),
  ).toEqual(Array.from({ length: 5 }));
});

test('readCluster() gives each namespace its name label, with or without a Namespace object', () => {
  const cluster = readCluster([
    pod('a'),
    { kind: 'Namespace', metadata: { name: 'empty', labels: { team: 't' } } },
  ]);
  expect(cluster.namespaces.map(({ metadata }) => metadata.labels)).toEqual([
    { team: 't', 'kubernetes.io/metadata.name': 'empty' },
    { 'kubernetes.io/metadata.name': 'ns' },
  ]);
});

test('readCluster() keeps the last of two objects with one name', () => {
  const cluster = readCluster([
    pod('a'),
    pod('b'),
    policy({}),
    policy({ ingress: [{}] }),
    pod('a', { app: 'x' }),
  ]);
  expect(cluster.policies.map(({ spec }) => spec)).toEqual([{ ingress: [{}] }]);
  expect(cluster.pods.map(({ metadata }) => metadata.labels)).toEqual([{ app: 'x' }, { app: 'b' }]);
});
