import { expect, test } from 'vitest';
import type { ClusterObject } from '../api.ts';
import { readObject } from '../cluster.ts';
import { PolicyCompiler } from './compiler.ts';

const pod = (name: string, nodeName: string, ip: string) => ({
  kind: 'Pod',
  metadata: { namespace: 'shop', name, labels: { app: 'web' } },
  spec: { nodeName, containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }] },
  status: { podIPs: [{ ip }] },
});
const policy = (direction: 'ingress' | 'egress') => ({
  kind: 'NetworkPolicy',
  metadata: { namespace: 'shop', name: direction },
  spec: { policyTypes: ['Ingress', 'Egress'], [direction]: [{ ports: [{ port: 'http' }] }] },
});

function compiled(...objects: unknown[]): PolicyCompiler {
  const compiler = new PolicyCompiler('n1');
  compiler.apply(objects.map((object) => ({ type: 'put', object: readObject(object) as ClusterObject })));
  return compiler;
}

const PODS = [pod('here', 'n1', '10.0.0.1'), pod('there', 'n2', '10.0.1.1')];
const entries = ({ ruleset }: PolicyCompiler) =>
  [...ruleset.namedPorts.values()].map((texts) => [...texts].sort());

test('PolicyCompiler resolves a port name of ingress for pods of its node only', () => {
  expect(entries(compiled(...PODS, policy('ingress')))).toEqual([['10.0.0.1 8080']]);
  expect(entries(compiled(policy('ingress'), ...PODS))).toEqual([['10.0.0.1 8080']]);
});

test('PolicyCompiler resolves a port name of egress for pods of all nodes', () => {
  expect(entries(compiled(...PODS, policy('egress')))).toEqual([['10.0.0.1 8080', '10.0.1.1 8080']]);
});

test('PolicyCompiler.apply() resolves a port name of ingress when a pod comes to its node', () => {
  const compiler = compiled(...PODS, policy('ingress'));
  const moved = readObject(pod('there', 'n1', '10.0.1.1')) as ClusterObject;
  compiler.apply([{ type: 'put', object: moved }]);
  expect(entries(compiler)).toEqual([['10.0.0.1 8080', '10.0.1.1 8080']]);
});

test('PolicyCompiler.apply() returns no change for a pod that is put again', () => {
  const compiler = compiled(...PODS, policy('ingress'), policy('egress'));
  const events = PODS.map((object) => ({
    type: 'put' as const,
    object: readObject(object) as ClusterObject,
  }));
  expect(compiler.apply(events)).toEqual([]);
});
