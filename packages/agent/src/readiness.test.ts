import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ReadinessFile, readinessOf } from './readiness.ts';

const problem = (key: string) => ({ key, message: `about ${key}` });

test.each([
  [true, [], { ready: true }],
  [true, [problem('node n7'), problem('earlier 00-x.conf'), problem('own node')], { ready: true }],
  [true, [problem('node n7'), problem('rules')], { ready: false, reason: 'about rules' }],
  [true, [problem('kernel')], { ready: false, reason: 'about kernel' }],
  [true, [problem('selftest')], { ready: false, reason: 'about selftest' }],
  [false, [], { ready: false, reason: 'The data path is not programmed yet' }],
  [false, [problem('own node')], { ready: false, reason: 'about own node' }],
])('readinessOf(%j, %j) is %j', (programmed, problems, expected) => {
  expect(readinessOf(programmed, problems)).toEqual(expected);
});

test('ReadinessFile.write() writes only what is new, also over a restart', () => {
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
