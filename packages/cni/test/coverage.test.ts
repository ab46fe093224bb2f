import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { requirements } from '../src/conformance/requirements/index.ts';

/** Number of requirements by prefix. They are numbered without gaps. */
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
  test('CONFORMANCE.md has a row for each requirement of the matrix', () => {
    const wanted = Object.entries(MATRIX).flatMap(([prefix, count]) =>
      Array.from({ length: count }, (_, i) => `${prefix}-${i + 1}`),
    );
    expect(rows.map(({ id }) => id).sort()).toEqual(wanted.sort());
  });
  test('CONFORMANCE.md names a check or a reason for each requirement', () => {
    expect(rows.filter(({ checks, reason }) => checks.length === 0 && reason === '')).toEqual([]);
  });
  test('CONFORMANCE.md names exactly the existing checks', () => {
    const named = new Set(rows.flatMap(({ checks }) => checks));
    expect([...named].sort()).toEqual(requirements.map(({ id }) => id).sort());
  });
});
