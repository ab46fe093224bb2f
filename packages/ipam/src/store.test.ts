import { join } from 'node:path';
import { sys } from '@cnikit/sys';
import { describe, test } from 'vitest';
import { scratch } from '../test/scratch.ts';
import { fileStore } from './file-store.ts';
import { memoryStore } from './memory-store.ts';
import { storeContract } from './testing.ts';

const root = scratch();

describe('memoryStore()', () => {
  for (const { name, run } of storeContract(() => memoryStore())) {
    test(name, run);
  }
});

describe('fileStore()', () => {
  let count = 0;
  const make = () => {
    const dir = join(root, 'net', String(count++));
    const reopen = () => fileStore({ sys, dir });
    return { store: reopen(), reopen };
  };
  for (const { name, run } of storeContract(make)) {
    test(name, run);
  }
});
