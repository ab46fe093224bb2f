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
  test('The generated guards match the generator', async () => {
    const out = path('./guards.ts');
    expect(readFileSync(out, 'utf8')).toBe(await generateFile(path('./schemas/index.ts'), out));
  });
  test.each(Object.entries(schemas))(
    'The generated guard accepts the same values as the schema %s',
    (name, schema) => {
      const guard = Object.entries(guards).find(
        ([key]) => key === `is${name.charAt(0).toUpperCase()}${name.slice(1, -6)}`,
      )?.[1];
      const accepted = { true: 0, false: 0 };
      fc.assert(
        fc.property(arbitraryFor(schema), (value) => {
          const verdict = (guard as (value: unknown) => boolean)(value);
          accepted[`${verdict}`]++;
          return verdict === z.safeParse(schema as z.ZodMiniType, value).success;
        }),
        // Enough for the rarest value: about one range in two hundred is valid.
        { numRuns: 3000 },
      );
      // The property needs both valid and invalid values.
      expect(Math.min(accepted.true, accepted.false)).toBeGreaterThan(0);
    },
  );
});
