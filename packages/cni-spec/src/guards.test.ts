import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generateFile } from '@cnikit/schema-guards';
import { arbitraryFor } from '@cnikit/schema-guards/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import * as guards from './guards.ts';
import * as schemas from './schemas/index.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

describe('generated guards', () => {
  test('are what the generator makes now', async () => {
    const out = path('./guards.ts');
    expect(readFileSync(out, 'utf8')).toBe(await generateFile(path('./schemas/index.ts'), out));
  });
  test.each(Object.entries(schemas))('accept exactly what %s does', (name, schema) => {
    const guard = Object.entries(guards).find(
      ([key]) => key === `is${name.charAt(0).toUpperCase()}${name.slice(1, -6)}`,
    )?.[1];
    const accepted = { true: 0, false: 0 };
    fc.assert(
      fc.property(arbitraryFor(schema), (value) => {
        const verdict = (guard as (value: unknown) => boolean)(value);
        expect(verdict).toBe(z.safeParse(schema as z.ZodMiniType, value).success);
        accepted[`${verdict}`]++;
      }),
      // Enough for the rarest: about one range in two hundred is one.
      { numRuns: 3000 },
    );
    // A property over values that are all good, or all bad, would say nothing.
    expect(Math.min(accepted.true, accepted.false)).toBeGreaterThan(0);
  });
});
