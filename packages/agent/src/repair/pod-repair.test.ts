import { beforeEach, expect, test } from 'vitest';
import { Metrics } from '../core/metrics.ts';
import type { Problem } from '../core/problem.ts';
import { FakeClock } from '../testing/fake-agent.ts';
import { PodRepair } from './pod-repair.ts';
import type { RestoreOutcome } from './run-restore.ts';

const outcome = (containerID: string, restored: string[], error?: string): RestoreOutcome => ({
  network: 'cnikit',
  containerID,
  ifName: 'eth0',
  restored,
  ...(error === undefined ? {} : { error }),
});

let clock: FakeClock;
let outcomes: RestoreOutcome[] | Error;
let passes: number;
let lines: string[];
let notes: string[];
let reported: Problem[];
let released: string[];
let metrics: Metrics;
let delayMs: number;
beforeEach(() => {
  clock = new FakeClock();
  [outcomes, passes, lines, notes, reported, released, delayMs] = [[], 0, [], [], [], [], 0];
  metrics = new Metrics();
});

function repair(): PodRepair {
  return new PodRepair(
    {
      restore: async () => {
        passes++;
        if (outcomes instanceof Error) {
          throw outcomes;
        }
        return outcomes;
      },
      releaseEnded: async (all) => void released.push(...all.map(({ containerID }) => containerID)),
      retireRanges: () => [],
      podOf: ({ containerID }) => `default/${containerID}`,
      report: (problems) => {
        reported = problems;
      },
      onRestored: (message) => notes.push(message),
      delayMs: () => delayMs,
      log: { info: (_, message) => lines.push(message), warn: (_, message) => lines.push(`! ${message}`) },
      metrics,
      after: clock.after,
    },
    60_000,
  );
}

test('PodRepair.start() looks at once, and at each interval', async () => {
  const task = repair();
  task.start();
  await task.look();
  expect(passes).toBe(2);
  clock.advance(60_000);
  await task.look();
  expect(passes).toBe(4);
  expect([lines, notes, reported]).toEqual([[], [], []]);
});

test('PodRepair reports what it restored once, and releases pods that ended beside the pass', async () => {
  const task = repair();
  outcomes = [
    ...['a', 'b', 'c', 'd', 'e', 'f'].map((id) => outcome(id, ['host ports'])),
    outcome('g', ['bridge']),
  ];
  await task.look();
  const message =
    'Another program removed host ports, bridge of running pods; the agent restored them for default/a, default/b, default/c, default/d, default/e and 2 more';
  expect([lines, notes]).toEqual([[message], [message]]);
  expect(metrics.get('pods_restored')).toBe(7);
  expect(released).toEqual([]);
  outcomes = [];
  clock.advance(2000);
  await task.look();
  expect(released).toHaveLength(7);
  expect(lines).toHaveLength(1);
});

test('PodRepair reports pods that it cannot restore until it can', async () => {
  const task = repair();
  outcomes = [outcome('a', ['masquerade'], 'Host port 80/tcp is taken by container b')];
  await task.look();
  expect(reported).toMatchObject([
    {
      kind: 'broken-pod',
      message: 'Cannot restore the network of default/a: Host port 80/tcp is taken by container b',
    },
  ]);
  outcomes = [];
  await task.look();
  expect(reported).toEqual([]);
});

test('PodRepair gathers events of one change, and waits while another program keeps removing the same', async () => {
  const task = repair();
  task.lost();
  task.lost();
  clock.advance(49);
  expect(passes).toBe(0);
  clock.advance(1);
  await task.look();
  expect(passes).toBe(2);
  delayMs = 8000;
  task.lost();
  clock.advance(7999);
  await task.look();
  expect(passes).toBe(3);
  clock.advance(1);
  await task.look();
  expect(passes).toBe(5);
});

test('PodRepair logs a failure once', async () => {
  const task = repair();
  outcomes = new Error('no such command');
  await task.look();
  await task.look();
  expect(lines).toEqual(['! Cannot restore links and rules of running pods: no such command']);
});

test('PodRepair.close() ends it', async () => {
  const task = repair();
  task.start();
  task.close();
  task.lost();
  await task.look();
  clock.advance(120_000);
  expect(passes).toBe(0);
});
