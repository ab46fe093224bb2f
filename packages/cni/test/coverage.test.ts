import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { requirements } from '../src/conformance/requirements/index.ts';

/** How many requirements there are of each sort; what is written about them is numbered without gaps. */
const MATRIX = {
  ...{ ENV: 12, CONF: 12, VER: 7, RES: 5, CONV: 8, ADD: 12, DEL: 7, CHECK: 6, GC: 6, STATUS: 5, ERR: 6 },
  ...{ CAP: 7, ARGS: 5, DELEG: 5, CHAIN: 1, CACHE: 3 },
};

const rows = [
  ...readFileSync(new URL('../CONFORMANCE.md', import.meta.url), 'utf8').matchAll(
    /^\| ([A-Z]+-\d+) [^|]+\|([^|]*)\|([^|]*)\|$/gm,
  ),
].map(([, id = '', checks = '', reason = '']) => ({
  id,
  checks: checks.split(',').flatMap((check) => check.trim() || []),
  reason: reason.trim(),
}));

describe('CONFORMANCE.md', () => {
  test('has a row for each requirement of the matrix', () => {
    const wanted = Object.entries(MATRIX).flatMap(([sort, count]) =>
      Array.from({ length: count }, (_, i) => `${sort}-${i + 1}`),
    );
    expect(rows.map(({ id }) => id).sort()).toEqual(wanted.sort());
  });
  test('names a check for each, or the reason why there is none', () => {
    expect(rows.filter(({ checks, reason }) => checks.length === 0 && reason === '')).toEqual([]);
  });
  test('names every check that there is, and no other', () => {
    const named = new Set(rows.flatMap(({ checks }) => checks));
    expect([...named].sort()).toEqual(requirements.map(({ id }) => id).sort());
  });
});
