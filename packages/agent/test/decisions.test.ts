import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

const held = [
  ...read('docs/decisions/0003-peers-complaints.md').matchAll(/`(packages\/\S+\.test\.ts)`: "([^"]+)"/g),
].map(([, file, title]) => [title!, file!] as const);

test('docs/decisions/0003-peers-complaints.md names tests', () => {
  expect(held.length).toBeGreaterThan(30);
});

test.each(held)('%s: is a test of %s', (title, file) => {
  // A title may stand in the source with a line break before what follows it, but not within.
  expect(read(file)).toContain(title);
});
