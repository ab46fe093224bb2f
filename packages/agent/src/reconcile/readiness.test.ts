import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ProblemKind, problem as typed } from '../core/problem.ts';
import { ReadinessFile, ReadinessPolicy } from './readiness.ts';

const problem = (kind: ProblemKind) => typed(kind, 'x', `about ${kind}`);

test.each([
  [true, [], { ready: true }],
  [true, [problem('node'), problem('earlier-configuration'), problem('own-node')], { ready: true }],
  [false, [], { ready: false, reason: 'The data path is not programmed yet' }],
  [false, [problem('own-node')], { ready: false, reason: 'about own-node' }],
])('ReadinessPolicy.evaluate(%j, %j) is %j', (programmed, problems, expected) => {
  expect(new ReadinessPolicy().evaluate(programmed, problems, 0)).toEqual(expected);
});

test.each(['kernel', 'rules', 'self-test'] as const)(
  'ReadinessPolicy.evaluate() waits until a problem of kind %s lasts',
  (kind) => {
    const policy = new ReadinessPolicy();
    const trouble = [problem('node'), problem(kind)];
    expect(policy.evaluate(true, trouble, 1000)).toBeUndefined();
    expect(policy.evaluate(true, trouble, 20_000)).toBeUndefined();
    expect(policy.evaluate(true, [], 25_000)).toEqual({ ready: true });
    expect(policy.evaluate(true, trouble, 40_000)).toBeUndefined();
    expect(policy.evaluate(true, trouble, 70_000)).toEqual({ ready: false, reason: `about ${kind}` });
  },
);

test('cri-o/cri-o#8018: ReadinessFile.write() writes only changes, even after a restart', () => {
  const dir = mkdtempSync(join(tmpdir(), 'cnikit-readiness-'));
  try {
    const path = join(dir, 'state', 'readiness.json');
    const file = new ReadinessFile(join(dir, 'state'));
    file.write({ ready: true });
    expect(readFileSync(path, 'utf8')).toBe('{"ready":true}\n');
    const { ino } = statSync(path);
    file.write({ ready: true });
    new ReadinessFile(join(dir, 'state')).write({ ready: true });
    expect(statSync(path).ino).toBe(ino);
    file.write({ ready: false, reason: 'x' });
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ ready: false, reason: 'x' });
    expect(readdirSync(join(dir, 'state'))).toEqual(['readiness.json']);
    file.remove();
    file.remove();
    expect(readdirSync(join(dir, 'state'))).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
