import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeContract } from '@cnikit/ipam/testing';
import { afterAll, describe, test } from 'vitest';
import { sqliteStore } from '../sqlite-store.ts';

const root = mkdtempSync(join(tmpdir(), 'cnikit-custom-store-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('sqliteStore()', () => {
  let count = 0;
  const make = () => {
    const file = join(root, `${count++}.db`);
    return { store: sqliteStore(file), reopen: () => sqliteStore(file) };
  };
  for (const { name, run } of storeContract(make)) {
    test(`sqliteStore(): ${name}`, run);
  }
});
