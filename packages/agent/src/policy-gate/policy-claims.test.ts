import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LocalPod } from '../policy/local-pods.ts';
import { loadClaims } from './claims-file.ts';
import { PolicyClaims, type ReservedAddress } from './policy-claims.ts';
import type { Claim } from './request.ts';

let stateDir: string;
let calls: string[];
let warnings: string[];
let reservations: ReservedAddress[];
let recorded: Record<string, Pick<LocalPod, 'namespace' | 'name'>>;
/** Ends each call of the enforcement. */
let enforce: () => Promise<void>;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'policy-claims-'));
  [calls, warnings, reservations, recorded] = [[], [], [], {}];
  enforce = async () => undefined;
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

const claims = () =>
  new PolicyClaims({
    pods: {
      claim({ namespace, name, containerId, addresses, foreignEnds = [] }) {
        calls.push(`claim ${namespace}/${name} ${containerId} ${[...addresses, ...foreignEnds].join(' ')}`);
        return enforce();
      },
      release(containerId) {
        calls.push(`release ${containerId}`);
        return enforce();
      },
    },
    stateDir,
    reservations: () => reservations,
    foreignEnd: ({ namespace, containerId, ifName }) =>
      namespace === 'vpn' ? `veth-${containerId}-${ifName}` : undefined,
    recorded: ({ containerId }) => recorded[containerId],
    log: { info: () => undefined, warn: (_, message) => void warnings.push(message) },
  });

function claim(containerId: string, address: string, ifName = 'eth0'): Claim {
  reservations = reservations.filter((one) => one.address !== address);
  reservations.push({ address, containerID: containerId, ifName });
  return { namespace: 'shop', name: `web-${containerId}`, containerId, ifName, addresses: [address] };
}
const saved = () => loadClaims(stateDir).map(({ containerId, addresses }) => `${containerId} ${addresses}`);

test('PolicyClaims passes reports on and saves the claims before', async () => {
  const all = claims();
  enforce = async () => expect(saved()).toEqual(['c1 10.0.0.2']);
  await all.handle({ op: 'add', claim: claim('c1', '10.0.0.2') });
  expect(statSync(join(stateDir, 'policy-pods.json')).mode & 0o777).toBe(0o600);
  enforce = async () => expect(saved()).toEqual([]);
  await all.handle({ op: 'del', attachment: { containerId: 'c1', ifName: 'eth0' } });
  expect(calls).toEqual(['claim shop/web-c1 c1 10.0.0.2', 'release c1']);
});

test('PolicyClaims passes the host ends of pods that may send from other source addresses', async () => {
  const all = claims();
  await all.handle({ op: 'add', claim: { ...claim('c1', '10.0.0.2'), namespace: 'vpn' } });
  await all.handle({ op: 'add', claim: { ...claim('c1', '10.0.0.3', 'net1'), namespace: 'vpn' } });
  claims().start();
  const both = 'claim vpn/web-c1 c1 10.0.0.2 10.0.0.3 veth-c1-eth0 veth-c1-net1';
  expect(calls).toEqual(['claim vpn/web-c1 c1 10.0.0.2 veth-c1-eth0', both, both]);
});

test('PolicyClaims rejects a report that is not enforced, and keeps its claim', async () => {
  const all = claims();
  enforce = () => Promise.reject(new Error('no table'));
  await expect(all.handle({ op: 'add', claim: claim('c1', '10.0.0.2') })).rejects.toThrow('no table');
  expect(saved()).toEqual(['c1 10.0.0.2']);
});

test('PolicyClaims takes the interfaces of a container for one pod', async () => {
  const all = claims();
  await all.handle({ op: 'add', claim: claim('c1', '10.0.0.2') });
  await all.handle({ op: 'add', claim: claim('c1', '10.0.0.3', 'net1') });
  await all.handle({ op: 'del', attachment: { containerId: 'c1', ifName: 'eth0' } });
  await all.handle({ op: 'del', attachment: { containerId: 'c1', ifName: 'net1' } });
  expect(calls.slice(1)).toEqual([
    'claim shop/web-c1 c1 10.0.0.2 10.0.0.3',
    'claim shop/web-c1 c1 10.0.0.3',
    'release c1',
  ]);
});

test('PolicyClaims releases the earlier owner of an address before its new one is claimed', async () => {
  const all = claims();
  await all.handle({ op: 'add', claim: claim('c1', '10.0.0.2') });
  const steps: string[] = [];
  enforce = async () => {
    steps.push(`${calls.at(-1)} begins`);
    await Promise.resolve();
    steps.push('ends');
  };
  await all.handle({ op: 'add', claim: claim('c2', '10.0.0.2') });
  expect(steps).toEqual(['release c1 begins', 'ends', 'claim shop/web-c2 c2 10.0.0.2 begins', 'ends']);
  expect(saved()).toEqual(['c2 10.0.0.2']);
});

test('PolicyClaims does not claim a pod that ended while an earlier owner was released', async () => {
  const all = claims();
  await all.handle({ op: 'add', claim: claim('c1', '10.0.0.2') });
  const added = all.handle({ op: 'add', claim: claim('c2', '10.0.0.2') });
  const deleted = all.handle({ op: 'del', attachment: { containerId: 'c2', ifName: 'eth0' } });
  await expect(added).rejects.toThrow('Container c2 has ended');
  await deleted;
  expect(calls.slice(1)).toEqual(['release c1', 'release c2']);
});

test('PolicyClaims releases what GC does not keep', async () => {
  const all = claims();
  for (const [id, address] of [
    ['c1', '10.0.0.2'],
    ['c2', '10.0.0.3'],
    ['c3', '10.0.0.4'],
  ] as const) {
    await all.handle({ op: 'add', claim: claim(id, address) });
  }
  calls = [];
  await all.handle({ op: 'gc', keep: [{ containerId: 'c2', ifName: 'eth0' }] });
  expect([calls, saved()]).toEqual([['release c1', 'release c3'], ['c2 10.0.0.3']]);
});

test('PolicyClaims claims saved pods again at the start, less those whose reservation is gone', async () => {
  const before = claims();
  await before.handle({ op: 'add', claim: claim('c1', '10.0.0.2') });
  await before.handle({ op: 'add', claim: claim('gone', '10.0.0.3') });
  await before.handle({ op: 'add', claim: claim('moved', '10.0.0.4') });
  reservations = reservations.filter(({ containerID }) => containerID === 'c1');
  reservations.push({ address: '10.0.0.4', containerID: 'other', ifName: 'eth0' });
  calls = [];
  const all = claims();
  all.start();
  expect(calls).toEqual(['claim shop/web-c1 c1 10.0.0.2', 'release gone', 'release moved']);
  expect(saved()).toEqual(['c1 10.0.0.2']);
  all.reconcile();
  expect(calls).toHaveLength(3);
});

test('PolicyClaims accepts reservations that name only the container', async () => {
  await claims().handle({ op: 'add', claim: claim('c1', '10.0.0.2') });
  reservations = [{ address: '10.0.0.2', containerID: 'c1', ifName: '' }];
  claims().start();
  expect(calls.at(-1)).toBe('claim shop/web-c1 c1 10.0.0.2');
});

test('PolicyClaims claims pods whose report was lost as the runtime recorded them', async () => {
  reservations = [
    { address: '10.0.0.2', containerID: 'c1', ifName: 'eth0' },
    { address: 'fd00::2', containerID: 'c1', ifName: 'eth0' },
    { address: '10.0.0.3', containerID: 'not-a-pod', ifName: 'eth0' },
  ];
  recorded = { c1: { namespace: 'shop', name: 'web-0' } };
  const all = claims();
  all.reconcile();
  all.reconcile();
  expect(calls).toEqual(['claim shop/web-0 c1 10.0.0.2 fd00::2']);
});

test('PolicyClaims does not claim a pod again between its del and the end of its reservation', async () => {
  const all = claims();
  recorded = { c1: { namespace: 'shop', name: 'web-c1' } };
  await all.handle({ op: 'add', claim: claim('c1', '10.0.0.2') });
  await all.handle({ op: 'del', attachment: { containerId: 'c1', ifName: 'eth0' } });
  all.reconcile();
  expect(calls).toHaveLength(2);
  reservations = [];
  all.reconcile();
  await all.handle({ op: 'add', claim: claim('c1', '10.0.0.2') });
  expect(calls).toHaveLength(3);
});

test.each([
  '',
  '{',
  '[]',
  '{"format":2,"pods":[]}',
  '{"format":1,"pods":[{}]}',
  '{"format":1,"pods":[null]}',
])('PolicyClaims ignores the damaged file %j, reports it, and replaces it', async (text) => {
  writeFileSync(join(stateDir, 'policy-pods.json'), text);
  const all = claims();
  all.start();
  expect([warnings.length, calls]).toEqual([1, []]);
  expect(warnings[0]).toContain('policy-pods.json');
  await all.handle({ op: 'add', claim: claim('c1', '10.0.0.2') });
  expect(JSON.parse(readFileSync(join(stateDir, 'policy-pods.json'), 'utf8')).pods).toHaveLength(1);
});

test('PolicyClaims claims pods without a place to save them, and keeps claims while reservations are unreadable', async () => {
  const before = claims();
  await before.handle({ op: 'add', claim: claim('c1', '10.0.0.2') });
  Object.defineProperty(reservations, Symbol.iterator, {
    get() {
      throw new Error('EIO');
    },
  });
  calls = [];
  claims().start();
  expect(calls).toEqual(['claim shop/web-c1 c1 10.0.0.2']);
  expect(warnings).toEqual([expect.stringContaining('EIO')]);
  rmSync(stateDir, { recursive: true });
  reservations = [];
  await claims().handle({ op: 'add', claim: claim('c2', '10.0.0.3') });
  expect(warnings.at(-1)).toContain('ENOENT');
});
