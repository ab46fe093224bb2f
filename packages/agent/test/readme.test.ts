import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { helpText } from '../src/cli/help.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

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
