import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ReadinessFile, ReadinessJudge } from './readiness.ts';

const problem = (key: string) => ({ key, message: `about ${key}` });

test.each([
  [true, [], { ready: true }],
  [true, [problem('node n7'), problem('earlier 00-x.conf'), problem('own node')], { ready: true }],
  [false, [], { ready: false, reason: 'The data path is not programmed yet' }],
  [false, [problem('own node')], { ready: false, reason: 'about own node' }],
])('ReadinessJudge.judge(%j, %j) is %j', (programmed, problems, expected) => {
  expect(new ReadinessJudge().judge(programmed, problems, 0)).toEqual(expected);
});

test.each(['kernel', 'rules', 'selftest'])(
  'ReadinessJudge.judge() waits whether trouble with %s lasts',
  (key) => {
    const judge = new ReadinessJudge();
    const trouble = [problem('node n7'), problem(key)];
    expect(judge.judge(true, trouble, 1000)).toBeUndefined();
    expect(judge.judge(true, trouble, 20_000)).toBeUndefined();
    expect(judge.judge(true, [], 25_000)).toEqual({ ready: true });
    expect(judge.judge(true, trouble, 40_000)).toBeUndefined();
    expect(judge.judge(true, trouble, 70_000)).toEqual({ ready: false, reason: `about ${key}` });
  },
);

test("cri-o/cri-o#8018: ReadinessFile.write() tells the plugin's STATUS, and writes only what is new, also over a restart", () => {
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
