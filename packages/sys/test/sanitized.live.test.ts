/** The addon's C under gcc's address and undefined-behaviour sanitizers, which end the process at the first finding. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { cases, liveCases } from './contract.ts';

const NATIVE = join(import.meta.dirname, '../native');
const FLAGS = '-std=gnu11 -O1 -g -Wall -Wextra -Werror -shared -fPIC -fno-omit-frame-pointer'.split(' ');
const SANITIZE = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const live = process.env.CNIKIT_SANDBOX === '1';

function run(command: string, argv: string[], env: NodeJS.ProcessEnv = process.env): string {
  const { status, signal, stdout, stderr, error } = spawnSync(command, argv, {
    env,
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (error) {
    throw error;
  }
  expect([command, status, signal, stderr]).toEqual([command, 0, null, '']);
  return stdout;
}

const SLOW = 600_000;

test(
  'Sys under Node has no finding in any case of the contract',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'sanitized-'));
    try {
      const addon = join(folder, 'cnikit_sys.node');
      const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include');
      const sources = readdirSync(NATIVE).filter((name) => name.endsWith('.c') && name !== 'quickjs.c');
      const paths = sources.map((name) => join(NATIVE, name));
      run('gcc', [...FLAGS, ...SANITIZE, '-I', headers, '-o', addon, ...paths]);
      const argv = ['--conditions=@cnikit/source', join(import.meta.dirname, 'sanitized-node.ts'), addon];
      const stdout = run(process.execPath, [...argv, ...(live ? ['/run', 'live'] : [tmpdir()])], {
        ...process.env,
        // The sanitizer must be preloaded. Memory that Node itself never frees is not a finding.
        LD_PRELOAD: run('gcc', ['-print-file-name=libasan.so']).trim(),
        ASAN_OPTIONS: 'detect_leaks=0',
      });
      const results = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { name: string; error?: string });
      expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
      expect(results).toHaveLength(cases.length + (live ? liveCases.length : 0));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  SLOW,
);
