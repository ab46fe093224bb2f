import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { generateGuards } from './index.ts';

const isEven = (value: number) => value % 2 === 0;

function generate(schemas: Record<string, unknown>): string {
  return generateGuards({
    schemas,
    checks: { isEven },
    imports: { schemas: './s.ts', checks: './checks.ts', keys: './keys.ts' },
    command: 'make',
  });
}

describe('generateGuards()', () => {
  test('writes a guard and a key table for each exported object', () => {
    const innerSchema = z.object({ x: z.optional(z.nullable(z.string())), 'a.b': z.unknown() });
    const outerSchema = z.looseObject({
      list: z.array(innerSchema),
      n: z.int().check(z.gte(1), z.refine(isEven)),
    });
    const text = generate({ outerSchema, innerSchema, other: 1 });
    expect(text).toContain(
      "export function isInner(value: unknown): value is Inner {\n  return isObject(value) && (value.x === undefined || (value.x === null || typeof value.x === 'string')) && 'a.b' in value;",
    );
    expect(text).toContain('Array.isArray(value.list) && value.list.every((e1) => isInner(e1))');
    expect(text).toContain(
      'Number.isSafeInteger(value.n) && (value.n as number) >= 1 && isEven(value.n as number)',
    );
    expect(text).toContain("export const innerKeys: KeyTable = { x: 'nullable', 'a.b': null };");
    expect(text.indexOf('innerKeys')).toBeLessThan(text.indexOf('outerKeys'));
    expect(text).toContain('list: innerKeys');
  });
  test('writes literals, enums, unions, records and text checks', () => {
    const text = generate({
      aSchema: z.union([z.literal('q'), z.enum(['x', 'y'])]),
      bSchema: z.record(z.string(), z.boolean()),
      cSchema: z.string().check(z.minLength(1), z.maxLength(3), z.regex(/^a\/b/)),
    });
    expect(text).toContain('return (value === "q" || (value === "x" || value === "y"));');
    expect(text).toContain("isObject(value) && Object.values(value).every((e1) => typeof e1 === 'boolean')");
    expect(text).toContain(
      "typeof value === 'string' && value.length >= 1 && value.length <= 3 && /^a\\/b/.test(value)",
    );
  });
  test.each([
    ['a transform', z.pipe(z.string(), z.transform(Number)), 'type pipe'],
    ['a default', z._default(z.string(), 'x'), 'type default'],
    ['an anonymous refinement', z.string().check(z.refine((text) => text !== '')), 'exported from checks.ts'],
    ['an object without an exported schema', z.object({ a: z.object({}) }), 'exported by name'],
  ])('generateGuards() refuses %s', (_name, oneSchema, message) => {
    expect(() => generate({ oneSchema })).toThrow(message);
  });
});
