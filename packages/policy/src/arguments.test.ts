import { expect, test } from 'vitest';
import * as policy from './index.ts';
import { ArgumentError, readCluster } from './index.ts';
import { loadManifests } from './manifests.ts';
import { answers } from './questions.ts';

/** The package as plain JavaScript sees it. */
const plain = policy as unknown as Record<string, (...args: unknown[]) => unknown>;
const cluster = readCluster([
  {
    kind: 'Pod',
    metadata: { namespace: 'ns', name: 'a' },
    spec: { nodeName: 'n1', containers: [] },
    status: { podIPs: [{ ip: '10.0.0.1' }] },
  },
  { kind: 'Pod', metadata: { namespace: 'ns', name: 'b' }, spec: { containers: [] } },
]);
const ruleset = policy.compile(cluster, 'n1');
const ends = ['ns/a', 'ns/b'] as const;
const connection = { source: '10.0.0.1', destination: '192.0.2.1' };
const list = { kind: 'NetworkPolicyList', items: [{ kind: 'NetworkPolicy', metadata: { name: 'p' } }] };
const put = (event: unknown) => () => new policy.PolicyCompiler('n1').apply([event as policy.PolicyEvent]);

test.each<[string, () => unknown, string]>([
  [
    'decide() a protocol in lower case',
    () => plain.decide!(cluster, ...ends, 'tcp', 80),
    `protocol "tcp": write 'TCP'`,
  ],
  [
    'decide() an unknown protocol',
    () => plain.decide!(cluster, ...ends, 6, 80),
    'protocol 6: expected one of TCP, UDP',
  ],
  [
    'decide() a port as text',
    () => plain.decide!(cluster, ...ends, 'TCP', '80'),
    'port "80": expected an integer of 0 to',
  ],
  [
    'decide() a port that is too large',
    () => plain.decide!(cluster, ...ends, 'TCP', 65_536),
    'port 65536: expected',
  ],
  [
    'decide() a family by number',
    () => plain.decide!(cluster, ...ends, 'TCP', 80, 4),
    'family 4: expected one of ipv4, ipv6',
  ],
  [
    'decide() objects in place of a cluster',
    () => plain.decide!([], ...ends, 'TCP'),
    'cluster []: expected what readCluster()',
  ],
  [
    'decide() a name without namespace',
    () => plain.decide!(cluster, { name: 'a' }, 'ns/b', 'TCP'),
    'endpoint {"name":"a"}: expected namespace/name',
  ],
  [
    'matrix() an unknown key',
    () => plain.matrix!(cluster, { service: [] }),
    'question.service []: expected one of endpoints, services',
  ],
  [
    'matrix() a service as text',
    () => plain.matrix!(cluster, { services: ['80/TCP'] }),
    'protocol undefined: expected one of TCP',
  ],
  [
    'matrix() one endpoint as text',
    () => plain.matrix!(cluster, { endpoints: 'ns/a' }),
    'endpoints "ns/a": expected a list',
  ],
  [
    'formatMatrix() an unknown option',
    () => plain.formatMatrix!({ endpoints: [], cells: [] }, { perServices: true }),
    'options.perServices true: expected one of perService',
  ],
  [
    'findings() objects in place of a cluster',
    () => plain.findings!(undefined),
    'cluster undefined: expected what readCluster()',
  ],
  [
    'compile() a Node in place of its name',
    () => plain.compile!(cluster, { metadata: { name: 'n1' } }),
    'node {"metadata":{"name":"n1"}}: expected a text',
  ],
  [
    'compile() objects in place of a cluster',
    () => plain.compile!([], 'n1'),
    'cluster []: expected what readCluster()',
  ],
  [
    'PolicyCompiler.apply() a type of a watch',
    put({ type: 'ADDED', object: cluster.pods[0] }),
    'event type "ADDED": expected one of put, delete',
  ],
  [
    'PolicyCompiler.apply() an object that policies do not depend on',
    put({ type: 'put', object: undefined }),
    'object undefined: expected what readObject()',
  ],
  [
    'evaluate() an unknown direction',
    () => plain.evaluate!(ruleset, 'Egress', connection),
    'direction "Egress": expected one of egress, ingress',
  ],
  [
    'evaluate() a protocol in lower case',
    () => plain.evaluate!(ruleset, 'egress', { ...connection, protocol: 'tcp' }),
    `protocol "tcp": write 'TCP'`,
  ],
  [
    'evaluate() a port as text',
    () => plain.evaluate!(ruleset, 'egress', { ...connection, protocol: 'TCP', port: '80' }),
    'port "80": expected an integer',
  ],
  [
    'decide() a port as bigint',
    () => plain.decide!(cluster, 'ns/a', 'ns/b', 'TCP', 80n),
    'port 80: expected an integer',
  ],
  [
    'formatNft() an unknown option',
    () => plain.formatNft!(ruleset, { podCidrs: [] }),
    'options.podCidrs []: expected one of podCIDRs, ipvs, table',
  ],
  [
    'formatNft() an address without length',
    () => plain.formatNft!(ruleset, { podCIDRs: ['10.0.0.1'] }),
    'podCIDRs "10.0.0.1": expected prefixes',
  ],
  [
    'formatNft() a table that nft cannot read',
    () => plain.formatNft!(ruleset, { podCIDRs: [], table: 'a b' }),
    'table "a b": expected a letter',
  ],
  [
    'readCluster() a list of the API',
    () => plain.readCluster!(list),
    'expected its items; expandManifests() unfolds lists',
  ],
  [
    'readCluster() a list of the API among objects',
    () => plain.readCluster!([list]),
    'expected its items; expandManifests() unfolds lists',
  ],
  [
    'readCluster() a text',
    () => plain.readCluster!('kind: Pod'),
    'objects "kind: Pod": expected a list of objects; parseManifests() reads text',
  ],
  [
    'expandManifests() one object',
    () => plain.expandManifests!({ kind: 'Pod' }),
    'objects {"kind":"Pod"}: expected a list of objects',
  ],
  [
    'loadManifests() one path in place of a list',
    () => loadManifests('deploy/' as never),
    'paths "deploy/": expected a list',
  ],
  [
    'answers.why() a destination as text',
    () => answers.why(cluster, { from: 'ns/a', to: 'ns/b:80' as never }),
    'to "ns/b:80": expected an object with endpoint, service',
  ],
])('ArgumentError refuses %s and says what to write', (_, call, message) => {
  expect(call).toThrow(ArgumentError);
  expect(call).toThrow(message);
});

test('formatNft() takes a table whose name begins with an underscore, and an unknown option without a value', () => {
  const options = { podCIDRs: [], table: '_mine', other: undefined };
  expect(policy.formatNft(ruleset, options)).toContain('table inet _mine {');
});

test('decide() takes a connection without a port', () => {
  expect(policy.decide(cluster, 'ns/a', 'ns/b', 'ICMP').allowed).toBe(true);
});
