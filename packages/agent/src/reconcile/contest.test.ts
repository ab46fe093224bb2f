import { expect, test } from 'vitest';
import type { Problem } from '../core/problem.ts';
import { FakeClock } from '../testing/fake-agent.ts';
import { Contest } from './contest.ts';

test('Contest delays repairs ever longer after the first few, up to 30 s', () => {
  const contest = new Contest('files', new FakeClock().after, () => undefined);
  const delays = Array.from({ length: 14 }, () => {
    contest.repaired('x');
    return contest.delayMs;
  });
  expect(delays).toEqual([
    ...new Array(5).fill(0),
    ...[1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000],
  ]);
});

test('Contest reports the other program while it lasts, and forgets it after a calm minute', () => {
  const clock = new FakeClock();
  let problems: Problem[] = [];
  const contest = new Contest('files', clock.after, (now) => {
    problems = now;
  });
  for (let i = 0; i < 6; i++) {
    contest.repaired('/etc/a');
  }
  expect(problems[0]!.message).toMatch(/keeps changing files of this agent, the last time \/etc\/a\. .* 1 s/);
  clock.advance(59_000);
  expect(contest.delayMs).toBe(1000);
  clock.advance(1000);
  expect(contest.delayMs).toBe(0);
  expect(problems).toEqual([]);
});
