/** Checks that the tests cited by documents exist. */
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

  test(`${document} names tests`, () => {
    expect(claims.length).toBeGreaterThan(least);
  });

  test.each(claims)('%s: is a test of %s', (title, file) => {
    // A title may stand in the source with a line break before what follows it, but not within.
    expect(read(file)).toContain(title);
  });

  test(`${document} names a test for every row of its tables`, () => {
    const lines = read(document).split('\n');
    const tested = lines.filter(
      (line, i) => /^- .*:$/.test(line) && /packages\/\S+/.test(lines[i + 1] ?? ''),
    );
    const rows = lines.filter((line) => line.startsWith('| ') && !/^\| (feature|thread|-)/.test(line));
    const untested = rows.filter((row) => !tested.some((line) => row.includes(`| ${line.slice(2, -1)} `)));
    expect([rows.length > 0, untested]).toEqual([true, []]);
  });
});
