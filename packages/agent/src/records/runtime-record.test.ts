import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recordedPod } from './runtime-record.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'runtime-record-'));
  mkdirSync(join(dir, 'results'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const read = (record?: unknown, containerId = 'c1') => {
  if (record !== undefined) {
    const text = typeof record === 'string' ? record : JSON.stringify(record);
    writeFileSync(join(dir, 'results', 'cnikit-c1-eth0'), text);
  }
  return recordedPod(dir, 'cnikit', { containerId, ifName: 'eth0' });
};
const ARGS = [
  ['IgnoreUnknown', '1'],
  ['K8S_POD_NAMESPACE', 'shop'],
  ['K8S_POD_NAME', 'web-0'],
  ['K8S_POD_UID', 'u-1'],
];

test('recordedPod() returns the pod of a record of libcni', () => {
  const pod = { namespace: 'shop', name: 'web-0', uid: 'u-1' };
  expect(read({ kind: 'cniCacheV1', containerId: 'c1', cniArgs: ARGS })).toEqual(pod);
  expect(read({ containerId: 'c1', cniArgs: ARGS.slice(0, 3) })).toEqual({ ...pod, uid: undefined });
});

test.each([
  undefined,
  '{',
  'null',
  { containerId: 'c2', cniArgs: ARGS },
  { containerId: 'c1' },
  { containerId: 'c1', cniArgs: [1] },
  { containerId: 'c1', cniArgs: ARGS.slice(0, 2) },
])('recordedPod() returns undefined for the record %j', (record) => {
  expect(read(record)).toBeUndefined();
});

test('recordedPod() reads no file of another folder', () => {
  writeFileSync(join(dir, 'x-eth0'), JSON.stringify({ containerId: '/../../x', cniArgs: ARGS }));
  mkdirSync(join(dir, 'results', 'cnikit-'));
  expect(read(undefined, '/../../x')).toBeUndefined();
});
