/** What documents say that tests show. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

/** A file, and of it one title or more: `packages/….test.ts`: "title", and "another title". */
const claim = /`(packages\/\S+\.test\.ts)`: ("[^"]+"(?:, and "[^"]+")*)/g;

describe.each([
  ['docs/decisions/0003-peers-complaints.md', 30],
  ['docs/peers.md', 40],
])('%s', (document, least) => {
  const claims = [...read(document).matchAll(claim)].flatMap(([, file, titles]) =>
    [...titles!.matchAll(/"([^"]+)"/g)].map(([, title]) => [title!, file!] as const),
  );

  test('names tests', () => {
    expect(claims.length).toBeGreaterThan(least);
  });

  test.each(claims)('%s: is a test of %s', (title, file) => {
    // A title may stand in the source with a line break before what follows it, but not within.
    expect(read(file)).toContain(title);
  });

  test('has a test in every row of a table that names one', () => {
    const rows = read(document)
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\|[\s|-]+$/.test(line));
    const without = rows.filter((row) => !/\| (shown|held) by +\|$/.test(row) && !/packages\/\S+/.test(row));
    expect(without).toEqual([]);
  });
});
