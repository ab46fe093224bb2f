import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lastState, recordState, stateFolder } from './state-folder.ts';

test('stateFolder() is the .cache/e2e folder of the repository', () => {
  expect(stateFolder('/home/dev/cnikit', '/tmp', {})).toBe('/home/dev/cnikit/.cache/e2e');
});

test("stateFolder() is a temporary folder when the repository lies below root's home", () => {
  expect(stateFolder('/root/cnikit', '/tmp', {})).toMatch(/^\/tmp\/cnikit-e2e-[0-9a-f]{8}$/);
});

test('stateFolder() rejects folders that differ in each machine', () => {
  expect(() => stateFolder('/home/dev/cnikit', '/tmp', { CNIKIT_E2E_STATE: '/var/e2e' })).toThrow(
    'CNIKIT_E2E_STATE is "/var/e2e", but must not lie below /var',
  );
  expect(() => stateFolder('/root/cnikit', '/var/tmp', {})).toThrow('Set CNIKIT_E2E_STATE');
});

test('lastState() returns the folder that recordState() wrote', () => {
  const repository = mkdtempSync(join(tmpdir(), 'state-folder-'));
  try {
    expect(lastState(repository)).toBeUndefined();
    recordState(repository, '/tmp/elsewhere');
    expect(lastState(repository)).toBe('/tmp/elsewhere');
  } finally {
    rmSync(repository, { recursive: true });
  }
});
