import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/**
 * Creates a directory, in memory if possible, because the tests create about 100,000 files. Removed
 * afterwards.
 */
export function scratch(): string {
  const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'cnikit-ipam-'));
  afterAll(() => rmSync(root, { recursive: true }));
  return root;
}
