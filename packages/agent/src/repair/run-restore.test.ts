import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runRestore } from './run-restore.ts';

let dir: string;
let plugin: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cnikit-restore-'));
  plugin = join(dir, 'plugin');
});
afterEach(() => rmSync(dir, { recursive: true }));

function restore(script: string) {
  writeFileSync(plugin, `#!/bin/sh\n${script}\n`);
  chmodSync(plugin, 0o755);
  return runRestore({ plugin, searchPath: '/search' }, '/cache');
}

test('runRestore() passes the directory and the search path', async () => {
  expect(await restore(`echo "[\\"$*\\",\\"$PATH\\"]"`)).toEqual([
    'restore --json --cache-dir /cache',
    '/search',
  ]);
});

test('runRestore() returns the outcomes of a run that failed for some pods', async () => {
  expect(await restore(`echo '[{"error":"x"}]'; exit 1`)).toEqual([{ error: 'x' }]);
});

test.each([
  [
    'an older plugin without the command',
    `echo 'Unknown command "restore"' >&2; exit 2`,
    /^Unknown command "restore"$/,
  ],
  ['output that is not JSON', 'echo x', /Unreadable output of .* restore: x/],
])('runRestore() rejects for %s', async (_, script, message) => {
  await expect(restore(script)).rejects.toThrow(message);
});
