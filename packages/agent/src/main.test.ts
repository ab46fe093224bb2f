import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const ARGV = ['--conditions=@cnikit/source', MAIN, '--help'];

test('main.ts reports output that cannot be written', async () => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, ARGV, { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  expect(await once(child, 'close')).toEqual([2, null]);
  expect(text).toMatch(/^Cannot write the output: ENOSPC: .*\n$/);
});

test('main.ts ends quietly when its reader has ended', async () => {
  const child = spawn(process.execPath, ARGV, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(text).toBe('');
});
