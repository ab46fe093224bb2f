import { expect, test } from 'vitest';
import { Metrics } from '../core/metrics.ts';
import { FakeClock } from '../testing/fake-agent.ts';
import { LeakCollector } from './collector.ts';
import type { Leak } from './find.ts';

function collector() {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const state = {
    leaks: [] as Leak[],
    up: true,
    fails: false,
    released: [] as string[],
    lines: [] as string[],
  };
  const say = (_: object, text: string): void => void state.lines.push(text);
  const all = new LeakCollector(
    {
      scan: () => state.leaks,
      release: async (leak) => {
        if (state.fails) {
          throw new Error('EBUSY');
        }
        state.released.push(leak.key);
        state.leaks = state.leaks.filter((other) => other !== leak);
      },
      runtimeUp: () => state.up,
      log: { info: say, warn: say },
      metrics,
      after: clock.after,
      now: () => clock.now,
    },
    { graceMs: 300_000, intervalMs: 60_000 },
  );
  /** Minutes, each with its look. */
  const pass = async (minutes: number): Promise<void> => {
    for (let i = 0; i < minutes; i++) {
      clock.now += 60_000;
      await all.look();
    }
  };
  return { state, metrics, pass };
}

const gone = (containerID: string): Leak => ({
  kind: 'reservation',
  key: `reservation ${containerID}`,
  containerID,
  ifName: 'eth0',
  addresses: ['10.244.1.2'],
});
const link = { name: 'vethx', index: 7, peerHere: false };

test('LeakCollector releases a leak after the grace period, counts it, and logs one line', async () => {
  const { state, metrics, pass } = collector();
  state.leaks = [gone('a')];
  await pass(5);
  expect(state.released).toEqual([]);
  await pass(1);
  expect(state.released).toEqual(['reservation a']);
  await pass(60);
  expect(state.lines).toEqual([expect.stringMatching(/^- reservation of 10.244.1.2 for container a/)]);
  expect([metrics.get('leaks_found'), metrics.get('leaks_released')]).toEqual([1, 1]);
});

test('LeakCollector restarts the grace period of a leak that was gone in between', async () => {
  const { state, pass } = collector();
  for (let i = 0; i < 4; i++) {
    state.leaks = [gone('a')];
    await pass(4);
    state.leaks = [];
    await pass(1);
  }
  expect(state.released).toEqual([]);
});

test('containerd/containerd#5768: LeakCollector is off while the runtime is down, and the grace period counts from its return', async () => {
  const { state, metrics, pass } = collector();
  state.leaks = [gone('a')];
  await pass(4);
  state.up = false;
  await pass(10);
  expect(metrics.get('leak_collector_active')).toBe(0);
  state.up = true;
  await pass(5);
  expect(state.released).toEqual([]);
  await pass(1);
  expect(state.released).toHaveLength(1);
});

test('LeakCollector does not release the link of a running pod, and logs it once', async () => {
  const { state, metrics, pass } = collector();
  state.leaks = [{ kind: 'unreserved', key: 'unreserved vethx', link }];
  await pass(60);
  expect(state.released).toEqual([]);
  expect(state.lines).toHaveLength(1);
  expect(metrics.get('leaks_found', { kind: 'unreserved' })).toBe(1);
});

test('LeakCollector retries a failed release, counts it and logs it once', async () => {
  const { state, metrics, pass } = collector();
  state.leaks = [gone('a')];
  state.fails = true;
  await pass(10);
  expect(state.lines).toEqual([expect.stringMatching(/EBUSY/)]);
  expect(metrics.get('leak_failures')).toBe(5);
  state.fails = false;
  await pass(1);
  expect(state.released).toHaveLength(1);
});
