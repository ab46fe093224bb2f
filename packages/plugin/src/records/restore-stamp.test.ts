import type { PluginIo } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { expect, test } from 'vitest';
import { repeatedAfterRestore } from './restore-stamp.ts';

/** Runs a command during which the stamp becomes `after`. Returns how many times it ran. */
function runs(command: string, before: number | undefined, after: number | undefined): number {
  let ino = before;
  let count = 0;
  const status = () => (ino === undefined ? undefined : { ino, mtimeMs: 5 });
  const run = repeatedAfterRestore({ statIfExists: status } as unknown as Sys, () => {
    count++;
    ino = after;
    return { stdout: '', stderr: '', exitCode: 0 };
  });
  run({ env: { CNI_COMMAND: command }, stdin: '{}' } as PluginIo);
  return count;
}

test.each([
  ['DEL', undefined, undefined, 1],
  ['DEL', 1, 1, 1],
  ['DEL', undefined, 1, 2],
  ['DEL', 1, 2, 2],
  ['ADD', 1, 2, 1],
  ['CHECK', undefined, 1, 1],
] as const)('%s with the stamp of a restore %s before and %s after it runs %i times', (...row) => {
  const [command, before, after, expected] = row;
  expect(runs(command, before, after)).toBe(expected);
});
