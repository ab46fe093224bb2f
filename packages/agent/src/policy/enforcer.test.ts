import { type Change, PolicyCompiler } from '@cnikit/policy';
import { expect, test } from 'vitest';
import { Metrics } from '../core/metrics.ts';
import type { Problem } from '../core/problem.ts';
import { COLLECTIONS, Enforcer } from './enforcer.ts';
import { readPolicy } from './invalid-policy.ts';
import type { LocalPod } from './local-pods.ts';
import { podReader } from './objects.ts';

const read = podReader();
const pod = (name: string, ip?: string) =>
  read({
    metadata: { name, namespace: 'x', uid: `uid-${name}`, labels: { app: name } },
    spec: { nodeName: 'n1', containers: [] },
    status: { phase: 'Running', podIP: ip },
  });
const local = (name: string, containerId: string, ...addresses: string[]): LocalPod => ({
  namespace: 'x',
  name,
  containerId,
  addresses,
});
const CLOSED = readPolicy({ metadata: { name: 'closed', namespace: 'x' }, spec: { podSelector: {} } });

/** An enforcer with a table that records its calls, and with time that the test moves. */
function start() {
  const calls: string[] = [];
  const table = {
    commits: 0,
    refusal: undefined as Error | undefined,
    difference: () => undefined as string | undefined,
    apply: (changes: readonly Change[]) => program(`apply ${changes.map(({ type }) => type).join(' ')}`),
    rebuild: () => {
      program('rebuild');
      return [];
    },
  };
  const program = (call: string): void => {
    calls.push(call);
    if (table.refusal !== undefined) {
      throw table.refusal;
    }
    table.commits++;
  };
  const timers = new Map<() => void, number>();
  const deferred: (() => void)[] = [];
  const metrics = new Metrics();
  const state = { problems: [] as readonly Problem[], repairs: [] as string[], warnings: [] as string[] };
  const enforcer = new Enforcer('n1', {
    table,
    tracking: {
      flowsOf: () => [],
      deleteFlows: () => 0,
      mark: () => 0,
      nodeAddresses: () => new Set(),
    },
    contest: { delayMs: 0, repaired: (example) => void state.repairs.push(example) },
    report: (problems) => {
      state.problems = problems;
    },
    metrics,
    log: { warn: (_, message) => void state.warnings.push(message), info: () => undefined },
    after: (ms, body) => {
      timers.set(body, ms);
      return () => timers.delete(body);
    },
    defer: (body) => void deferred.push(body),
  });
  const settle = (): void => {
    for (const body of deferred.splice(0)) {
      body();
    }
  };
  const elapse = (): number[] => {
    const due = [...timers];
    timers.clear();
    for (const [body] of due) {
      body();
    }
    return due.map(([, ms]) => ms);
  };
  const sync = (): void => {
    enforcer.setPodCIDRs(['10.0.0.0/24']);
    for (const collection of COLLECTIONS) {
      enforcer.synced(collection);
    }
    settle();
  };
  return { calls, table, enforcer, metrics, state, settle, elapse, sync };
}

/** Returns how a promise stands, after the microtasks at hand. */
async function stateOf(promise: Promise<void>): Promise<string> {
  let text = 'pending';
  promise.then(
    () => {
      text = 'resolved';
    },
    (error: Error) => {
      text = error.message;
    },
  );
  for (let i = 0; i < 10; i++) {
    await undefined;
  }
  return text;
}

test('Enforcer programs nothing before every collection and the pod networks are known', () => {
  const { enforcer, calls, settle } = start();
  enforcer.putPod('x/a', pod('a', '10.0.0.1'));
  enforcer.synced('pods');
  enforcer.synced('namespaces');
  enforcer.setPodCIDRs(['10.0.0.0/24']);
  settle();
  expect(calls).toEqual([]);
  enforcer.synced('policies');
  settle();
  expect(calls).toEqual(['rebuild']);
  expect(enforcer.programmed).toBe(true);
});

test('Enforcer programs the events at hand in one transaction, and none for events that change nothing', () => {
  const { enforcer, calls, settle, sync, metrics } = start();
  sync();
  enforcer.putPod('x/a', pod('a', '10.0.0.1'));
  enforcer.putPod('x/b', pod('b', '10.0.0.2'));
  enforcer.putPolicy('x/closed', CLOSED);
  settle();
  expect(calls.length).toBe(2);
  expect(calls[1]).toContain('apply chain chain pod');
  enforcer.putPod('x/a', pod('a', '10.0.0.1'));
  settle();
  expect(calls.length).toBe(2);
  expect(metrics.get('policy_transactions')).toBe(2);
  expect(metrics.get('policy_generation')).toBe(2);
  expect(metrics.text()).toContain('policy_sync_duration_seconds_count 1');
});

test('Enforcer rebuilds the table when ipvs appears, once it may program', () => {
  const { enforcer, calls, settle, sync } = start();
  enforcer.setIpvs(true);
  settle();
  expect(calls).toEqual([]);
  sync();
  enforcer.setIpvs(true);
  settle();
  expect(calls).toEqual(['rebuild']);
  enforcer.setIpvs(false);
  settle();
  expect(calls).toEqual(['rebuild', 'rebuild']);
});

test('Enforcer rebuilds the table for other pod networks', () => {
  const { enforcer, calls, settle, sync } = start();
  sync();
  enforcer.setPodCIDRs(['10.0.0.0/24']);
  enforcer.setPodCIDRs([]);
  settle();
  expect(calls).toEqual(['rebuild']);
  enforcer.setPodCIDRs(['10.0.1.0/24']);
  settle();
  expect(calls).toEqual(['rebuild', 'rebuild']);
});

test('claim() resolves once the Pod is known and programmed', async () => {
  const { enforcer, settle, sync, metrics } = start();
  sync();
  const claim = enforcer.claim(local('a', 'c1', '10.0.0.1'));
  settle();
  expect(await stateOf(claim)).toBe('pending');
  expect(metrics.get('policy_closed_pods')).toBe(1);
  enforcer.putPod('x/a', pod('a'));
  expect(await stateOf(claim)).toBe('pending');
  settle();
  expect(await stateOf(claim)).toBe('resolved');
  expect(metrics.get('policy_closed_pods')).toBe(0);
});

test('claim() before the first programming resolves with it', async () => {
  const { enforcer, sync } = start();
  const claim = enforcer.claim(local('a', 'c1', '10.0.0.1'));
  enforcer.putPod('x/a', pod('a'));
  sync();
  expect(await stateOf(claim)).toBe('resolved');
});

test('claim() rejects with the reason of the kernel, and the pod is opened by the next attempt', async () => {
  const { enforcer, table, settle, elapse, sync, metrics, state } = start();
  sync();
  enforcer.putPod('x/a', pod('a'));
  table.refusal = new Error('ENOMEM');
  const claim = enforcer.claim(local('a', 'c1', '10.0.0.1'));
  settle();
  expect(await stateOf(claim)).toContain('Cannot program NetworkPolicies: ENOMEM');
  expect(metrics.get('policy_closed_pods')).toBe(1);
  table.refusal = undefined;
  elapse();
  expect(metrics.get('policy_closed_pods')).toBe(0);
  expect(state.problems).toEqual([]);
});

test('claim() rejects an address that is invalid', async () => {
  const { enforcer } = start();
  await expect(enforcer.claim(local('a', 'c1', '10.0.0'))).rejects.toThrow('"10.0.0" is not an IP address');
});

test('release() resolves once the address is closed, and ends a claim that waits', async () => {
  const { enforcer, calls, settle, sync } = start();
  sync();
  enforcer.putPod('x/a', pod('a'));
  const claim = enforcer.claim(local('a', 'c1', '10.0.0.1'));
  settle();
  await claim;
  const release = enforcer.release('c1');
  expect(await stateOf(release)).toBe('pending');
  settle();
  await release;
  expect(calls.at(-1)).toBe('apply pod pod');
  const waiting = enforcer.claim(local('missing', 'c2', '10.0.0.2'));
  const released = enforcer.release('c2');
  settle();
  expect(await stateOf(waiting)).toBe('The container was released');
  await released;
});

test('Enforcer keeps the old rules after a refusal, reports it and tries again with growing delays', () => {
  const { enforcer, table, calls, settle, elapse, sync, metrics, state } = start();
  sync();
  table.refusal = new Error('ENOBUFS');
  enforcer.putPod('x/a', pod('a', '10.0.0.1'));
  settle();
  expect(state.problems).toMatchObject([{ kind: 'policy', message: expect.stringContaining('ENOBUFS') }]);
  expect(enforcer.programmed).toBe(true);
  expect([elapse(), elapse(), elapse()]).toEqual([[1000], [2000], [4000]]);
  // An event does not shorten the delay.
  enforcer.putPod('x/b', pod('b', '10.0.0.2'));
  settle();
  expect(metrics.get('policy_failures')).toBe(4);
  table.refusal = undefined;
  elapse();
  expect(calls.at(-1)).toBe('rebuild');
  expect(state.problems).toEqual([]);
  enforcer.putPod('x/c', pod('c', '10.0.0.3'));
  settle();
  expect(calls.at(-1)).toContain('apply');
});

test('verify() rebuilds a table that differs and counts the repair', () => {
  const { enforcer, table, calls, elapse, sync, metrics, state } = start();
  sync();
  enforcer.verify();
  expect(calls).toEqual(['rebuild']);
  table.difference = () => 'chain ingress differs';
  enforcer.check();
  enforcer.check();
  elapse();
  expect(calls).toEqual(['rebuild', 'rebuild']);
  expect(state.repairs).toEqual(['chain ingress differs']);
  expect(state.warnings).toEqual([
    'Another program changed the table of NetworkPolicies: chain ingress differs. Repairing it',
  ]);
  expect(metrics.get('drift_repairs')).toBe(1);
});

test('Enforcer reports policies that it cannot read and collections that the API refuses', () => {
  const { enforcer, state } = start();
  const fault = readPolicy({ metadata: { name: 'p', namespace: 'x' }, spec: { podSelector: {}, tiers: [] } });
  enforcer.putPolicy('x/p', fault);
  enforcer.refused('pods', 'Cannot watch /api/v1/pods: forbidden');
  expect(state.problems.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
    'policy-api pods',
    'policy-object x/p',
  ]);
  enforcer.putPolicy('x/p', fault, false);
  enforcer.refused('pods', undefined);
  expect(state.problems).toEqual([]);
});

test('close() rejects what waits and programs nothing more', async () => {
  const { enforcer, calls, settle, sync } = start();
  sync();
  const claim = enforcer.claim(local('a', 'c1', '10.0.0.1'));
  enforcer.close();
  settle();
  expect(await stateOf(claim)).toBe('The agent is shutting down');
  expect(calls).toEqual(['rebuild']);
});

test('Enforcer has the rules that a compiler of the same objects has', () => {
  const { enforcer, sync } = start();
  enforcer.putPod('x/a', pod('a', '10.0.0.1'));
  enforcer.putPolicy('x/closed', CLOSED);
  sync();
  const compiler = new PolicyCompiler('n1');
  compiler.apply([pod('a', '10.0.0.1').pod, CLOSED.policy].map((object) => ({ type: 'put', object })));
  expect(enforcer.ruleset).toEqual(compiler.ruleset);
});
