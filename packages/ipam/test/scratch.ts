import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A directory in memory where there is one: these tests make some 100,000 files. Removed after the test file. */
export function scratch(): string {
  const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'cnikit-ipam-'));
  afterAll(() => rmSync(root, { recursive: true }));
  return root;
}
