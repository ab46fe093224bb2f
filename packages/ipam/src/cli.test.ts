import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ARGV = ['--conditions=@cnikit/source', fileURLToPath(new URL('./cli.ts', import.meta.url)), '--help'];

test.each([
  ['1 when the disk is full', '/dev/full', 1],
  ['0 when its reader has ended', 'pipe', 0],
] as const)('cli.ts exits quietly with %s', async (_, output, status) => {
  const out = output === 'pipe' ? output : openSync(output, 'w');
  const child = spawn(process.execPath, ARGV, { stdio: ['ignore', out, 'pipe'] });
  child.stdout?.destroy();
  if (out !== 'pipe') {
    closeSync(out);
  }
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  expect(await once(child, 'close')).toEqual([status, null]);
  expect(text).toBe('');
});
