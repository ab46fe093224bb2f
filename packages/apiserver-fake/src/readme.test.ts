import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const EXAMPLES = [...README.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = '']) => code);

test.each([
  [0, 'synced \nadded default/b\n'],
  [1, '1\n'],
  [2, 'added a\n429\n403\n'],
])('README: example %i runs', (number, expected) => {
  const flags = ['--conditions=@cnikit/source', '--input-type=module-typescript'];
  const output = execFileSync(process.execPath, [...flags, '-e', EXAMPLES[number]!], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
    timeout: 100_000,
  });
  expect(output).toBe(expected);
});
