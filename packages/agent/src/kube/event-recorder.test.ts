import { describe, expect, test } from 'vitest';
import { type Problem, type ProblemKind, problemKinds, problem as typed } from '../core/problem.ts';
import { FakeClock } from '../testing/fake-agent.ts';
import { nodeEvents } from './event-of.ts';
import { EventRecorder } from './event-recorder.ts';

const problem = (kind: ProblemKind, subject = '', message = `about ${kind}`): Problem =>
  typed(kind, subject, message);

describe('nodeEvents()', () => {
  test.each(Object.entries(problemKinds).map(([kind, { reason }]) => [kind as ProblemKind, reason] as const))(
    'nodeEvents() gives problem %j the reason %s',
    (kind, reason) => {
      const events = nodeEvents([problem(kind, 'x')], ['x']);
      expect(events.map((event) => [event.reason, event.message])).toEqual(
        reason === undefined ? [] : [[reason, `about ${kind}`]],
      );
    },
  );

  test('nodeEvents() merges route problems into one Event', () => {
    const problems = Array.from({ length: 3000 }, (_, i) =>
      problem('no-route', `10.0.${i}.0/24`, `No route ${i}`),
    );
    expect(nodeEvents(problems, [])).toEqual([
      { key: 'RouteMissing', reason: 'RouteMissing', message: '3000 problems, the first: No route 0' },
    ]);
  });

  test('nodeEvents() reports a podCIDR with several nodes only on those nodes', () => {
    const problems = ['10.244.1.0/24', '10.244.2.0/24'].map((cidr) =>
      problem('claim', cidr, `about ${cidr}`),
    );
    expect(nodeEvents(problems, ['10.244.1.0/24'])).toMatchObject([{ message: 'about 10.244.1.0/24' }]);
    expect(nodeEvents(problems, ['10.244.9.0/24'])).toEqual([]);
  });
});

function recorder() {
  const clock = new FakeClock();
  const state = {
    problems: [] as Problem[],
    calls: [] as string[],
    error: undefined as (Error & { status?: number }) | undefined,
    forgotten: false,
    sent: 0,
    refused: 0,
  };
  const all = new EventRecorder({
    problems: () => state.problems,
    podCIDRs: () => [],
    sink: {
      create: async ({ message }) => {
        if (state.error !== undefined) {
          throw state.error;
        }
        state.calls.push(`create ${message}`);
        return `name-${state.calls.length}`;
      },
      repeat: async (name, { message }, count) => {
        if (state.forgotten) {
          return false;
        }
        state.calls.push(`repeat ${name} ${count} ${message}`);
        return true;
      },
    },
    after: clock.after,
    now: () => clock.now,
    sent: () => void state.sent++,
    refused: () => void state.refused++,
  });
  const looks = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      clock.now += 30_000;
      await all.look();
    }
  };
  return { state, looks, all };
}

describe('EventRecorder', () => {
  test('EventRecorder sends a lasting problem once, and updates it every half hour', async () => {
    const { state, looks } = recorder();
    state.problems = [problem('rules')];
    await looks(1);
    expect(state.calls).toEqual([]);
    await looks(50);
    expect(state.calls).toEqual(['create about rules']);
    await looks(60);
    expect(state.calls.slice(1)).toEqual(['repeat name-1 2 about rules']);
  });

  test('EventRecorder sends an intermittent problem as one Event with a count', async () => {
    const { state, looks } = recorder();
    for (let i = 0; i < 3; i++) {
      state.problems = [problem('rules', '', `try ${i}`)];
      await looks(2);
      state.problems = [];
      await looks(2);
    }
    expect(state.calls).toEqual(['create try 0', 'repeat name-1 2 try 1', 'repeat name-1 3 try 2']);
  });

  test('EventRecorder sends an occurrence at the next look, each time it occurs', async () => {
    const { state, looks, all } = recorder();
    const event = { key: 'repaired /x', reason: 'CNIFileRepaired', message: 'it was damaged' };
    all.note(event);
    state.error = new Error('ECONNREFUSED');
    await looks(1);
    state.error = undefined;
    await looks(3);
    expect(state.calls).toEqual(['create it was damaged']);
    all.note({ ...event });
    await looks(3);
    expect(state.calls.slice(1)).toEqual(['repeat name-1 2 it was damaged']);
  });

  test('EventRecorder recreates an Event that the API has deleted', async () => {
    const { state, looks } = recorder();
    state.problems = [problem('rules')];
    await looks(2);
    state.forgotten = true;
    await looks(60);
    expect(state.calls).toEqual(['create about rules', 'create about rules']);
  });

  test('EventRecorder sends at most ten Events at once and then one a minute', async () => {
    const { state, looks } = recorder();
    state.problems = Array.from({ length: 100 }, (_, i) => problem('earlier-configuration', `${i}.conf`));
    await looks(2);
    expect(state.sent).toBe(10);
    await looks(20);
    expect(state.sent).toBe(20);
  });

  test('EventRecorder retries while the API is unreachable, and stops without the permission', async () => {
    const { state, looks } = recorder();
    state.problems = [problem('rules')];
    state.error = new Error('ECONNREFUSED');
    await looks(5);
    expect([state.sent, state.refused]).toEqual([0, 0]);
    state.error = Object.assign(new Error('forbidden'), { status: 403 });
    await looks(5);
    expect(state.refused).toBe(1);
    state.error = undefined;
    await looks(5);
    expect(state.sent).toBe(0);
  });
});
