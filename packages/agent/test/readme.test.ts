import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { helpText } from '../src/cli/help.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

test('README.md shows an example that prints the documented output', () => {
  const source = /^```ts\n(.*?)^```/ms.exec(readme)?.[1] ?? '';
  const promised = /console\.log\(.*\); \/\/ (.*)$/m.exec(source)?.[1];
  // Below the package, so that it is found under its own name.
  const script = join(root, `readme-example-${process.pid}.ts`);
  writeFileSync(script, source);
  try {
    const argv = ['--conditions=@cnikit/source', script];
    const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    expect([stderr, stdout]).toEqual(['', `${promised}\n`]);
  } finally {
    rmSync(script);
  }
});

test('README.md names only options that the help lists', () => {
  const named = new Set(readme.match(/--[a-z][a-z-]+/g));
  named.delete('--help');
  // Options of iptables, in the output of plan.
  for (const option of ['--comment', '--random-fully']) {
    named.delete(option);
  }
  expect(named.size).toBeGreaterThan(0);
  for (const option of named) {
    expect(helpText()).toContain(option);
  }
});
