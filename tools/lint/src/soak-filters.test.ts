import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sourceFiles } from './files.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Returns the folder of the package that a file is in. */
function packageOf(path: string): string {
  const folder = dirname(path);
  return existsSync(join(ROOT, folder, 'package.json')) ? folder : packageOf(folder);
}

test('npm run test:soak runs every file with properties, with the seed of the day', () => {
  const withProperties = sourceFiles(ROOT, ['*.test.ts']).filter(({ text }) =>
    /\bfc\s*\.assert\(/.test(text),
  );
  const left = withProperties.filter(({ path }) => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, packageOf(path), 'package.json'), 'utf8'));
    const [, filters] = /vitest run(.*)$/.exec(scripts['test:soak'] ?? '') ?? [];
    const words = filters?.split(' ').filter(Boolean);
    return words === undefined || (words.length > 0 && !words.some((word) => path.includes(word)));
  });
  expect(withProperties.length).toBeGreaterThan(0);
  expect(left.map(({ path }) => path)).toEqual([]);
});
