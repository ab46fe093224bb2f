import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
/** A folder in the package, where its own name resolves. */
const folder = join(root, 'build', 'readme');
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns the examples of a file, in Markdown or doc comments. */
function examples(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/^ \* ?/gm, '');
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map((match) => match[1]!);
}

let count = 0;

function run(source: string): string {
  const script = join(folder, `example-${count++}.ts`);
  writeFileSync(script, source.replaceAll('/run/cnikit/ipam', join(folder, 'run')));
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--conditions=@cnikit/source', script], {
    encoding: 'utf8',
    env: { ...process.env, DATA_DIR: join(folder, 'data') },
  });
  expect([stderr, status]).toEqual(['', 0]);
  return stdout;
}

describe('examples', () => {
  test('The examples of README.md print what their comments promise', () => {
    for (const source of examples('README.md')) {
      const promised = [...source.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(
        (match) => `${match[1]}\n`,
      );
      expect(run(source)).toBe(promised.join(''));
    }
  });

  test.each(['src/index.ts', 'src/file-store.ts', 'src/testing.ts'])('The examples of %s run', (file) => {
    const sources = examples(file);
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) {
      run(source);
    }
  });
});
