import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = dirname(import.meta.dirname);

function run(source: string): string {
  const args = ['--conditions=@cnikit/source', '--input-type=module-typescript', '-e', source];
  return execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
}

/** The ```ts blocks of a text; those of a doc comment without their stars. */
function examples(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replaceAll(/^ \* ?/gm, '');
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map((match) => match[1]!);
}

describe('the examples', () => {
  test.each(['README.md', 'src/index.ts', 'src/readable.ts', 'src/testing.ts'])(
    'The examples of %s run',
    (file) => {
      const found = examples(file);
      expect(found.length).toBeGreaterThan(0);
      for (const example of found) {
        run(example);
      }
    },
  );

  test('The examples of README.md print the documented output', () => {
    expect(run(examples('README.md')[0]!)).toMatch(/^netlink port \d+\nEINVAL Not a network namespace/);
  });
});
