import { expect, test } from 'vitest';
import type { DoctorFacts, PolicyFacts } from '../facts.ts';
import { accessNeeded } from '../gather-api.ts';
import { policy } from './policy.ts';

const enforced: PolicyFacts = { closed: [], policies: 2, faults: [], findings: [] };
const facts = (changes?: Partial<PolicyFacts>, access: DoctorFacts['api']['access'] = []): DoctorFacts =>
  ({
    api: { server: 's', access },
    policy: changes && { ...enforced, ...changes },
  }) as unknown as DoctorFacts;

test('policy.find() returns nothing where NetworkPolicies are enforced, or are off', () => {
  expect(policy.find(facts({}))).toEqual([]);
  expect(policy.good(facts({}))).toContain('2 in the cluster');
  expect(policy.find(facts())).toEqual([]);
  expect(policy.skips!(facts())).toContain('--network-policy is off');
});

const finding = (i: number) => ({
  policy: `shop/db-${i}`,
  field: 'spec.podSelector',
  message: 'Selects no pod of namespace shop',
});

test.each<[string, Partial<PolicyFacts>, 'failure' | 'warning', RegExp]>([
  [
    'a missing table',
    { closed: undefined },
    'failure',
    /^NetworkPolicies are not enforced on this node: table inet cnikit-policy does not exist, or is dormant\.$/,
  ],
  [
    'a pod that the table does not know',
    { closed: [{ link: 'vetha', address: '10.244.1.2' }] },
    'failure',
    /^Pod address 10\.244\.1\.2 \(link vetha\) is closed/,
  ],
  [
    'a list that fails',
    { error: 'ECONNREFUSED' },
    'failure',
    /^Cannot read NetworkPolicies: ECONNREFUSED\.$/,
  ],
  [
    'an unknown field',
    { faults: ['Invalid NetworkPolicy shop/db: spec: Unrecognized key: "layers"'] },
    'failure',
    /^Invalid NetworkPolicy shop\/db: .*"layers"\. The pods that .* are closed\.$/,
  ],
  [
    'a part without effect',
    { findings: [finding(1)] },
    'warning',
    /^NetworkPolicy shop\/db-1 has a part without effect, spec\.podSelector: selects no pod of namespace shop\.$/,
  ],
])('policy.find() reports %s', (_, changes, level, message) => {
  const found = policy.find(facts(changes));
  expect(found).toEqual([
    { level, message: expect.stringMatching(message), fix: expect.stringMatching(/\.$/) },
  ]);
});

test('policy.find() lists at most 10 parts without effect and counts the others', () => {
  const found = policy.find(facts({ findings: Array.from({ length: 300 }, (_, i) => finding(i)) }));
  expect(found).toHaveLength(11);
  expect(found.at(-1)!.message).toBe('290 more parts of NetworkPolicies without effect.');
});

test('policy.find() leaves a refused list to the finding about the permission', () => {
  const access = accessNeeded({ networkPolicy: true })
    .filter(({ resource }) => resource === 'networkpolicies')
    .map((each) => ({ ...each, allowed: false }));
  expect(access.map(({ verb, group }) => `${verb} ${group}`)).toEqual([
    'list networking.k8s.io',
    'watch networking.k8s.io',
  ]);
  expect(policy.find(facts({ error: 'The API server answered 403' }, access))).toEqual([]);
});

test('accessNeeded() asks for nothing of pods while NetworkPolicies are off', () => {
  const resources = accessNeeded({ networkPolicy: false }).map(({ resource }) => resource);
  expect(new Set(resources)).toEqual(new Set(['nodes', 'nodes/status', 'events']));
});
