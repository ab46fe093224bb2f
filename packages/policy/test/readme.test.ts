import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
/** A folder in the package, where its own name resolves. */
const folder = join(root, 'build', 'readme');
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

const README = readFileSync(join(root, 'README.md'), 'utf8');
const examples = [...README.matchAll(/^```ts\n(.*?)^```/gms)].map(([, source]) => source!);

test.each(examples.map((source, index) => [index + 1, source] as const))(
  'example %i of README.md prints what its comments promise',
  (index, source) => {
    const promised = [...source.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, line]) => `${line}\n`);
    const script = join(folder, `example-${index}.ts`);
    writeFileSync(script, source);
    const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=@cnikit/source', script], {
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: promised.join(''), stderr: '' });
  },
);
