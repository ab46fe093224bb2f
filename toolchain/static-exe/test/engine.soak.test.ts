import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENGINE_FLAGS, engineSources } from '../src/engine.ts';
import { toolchain } from '../src/toolchain.ts';

const cacheDir = process.env.CNIKIT_CACHE ?? join(import.meta.dirname, '../../../.cache/quickjs');

// gcc 14 refuses what earlier versions warn of, such as a value that a void function returns.
test('the changed engine compiles without warnings', async () => {
  const source = join(await engineSources(cacheDir), 'quickjs.c');
  const flags = [
    ...ENGINE_FLAGS.filter((flag) => flag !== '-w'),
    '-std=gnu11',
    '-D_GNU_SOURCE',
    '-fsyntax-only',
  ];
  const { status, stderr } = spawnSync(toolchain(process.arch as 'x64').cc, [...flags, source], {
    encoding: 'utf8',
  });
  expect([stderr, status]).toEqual(['', 0]);
});
