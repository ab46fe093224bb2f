/**
 * What a package needs to show that its guards accept exactly what its schemas do.
 *
 * ```ts
 * import fc from 'fast-check';
 * import { arbitraryFor } from '@cnikit/schema-guards/testing';
 * import * as z from 'zod/mini';
 *
 * fc.assert(fc.property(arbitraryFor(z.object({ a: z.string() })), (value) => typeof value !== 'symbol'));
 * ```
 */
import fc from 'fast-check';
import type * as core from 'zod/v4/core';

/** Texts that some check of this repository accepts or just about refuses. */
const TEXTS = [
  '',
  'a',
  'eth0',
  'a b',
  'a/b',
  '../x',
  'true',
  'FALSE',
  'yes',
  '4',
  '6',
  '1.0.0',
  '1.0',
  '10.1.0.5',
  '10.1.0.5/24',
  '10.1.0.5/33',
  '010.1.0.5/8',
  'fd00::5',
  'fd00::5/64',
  'fd00::5/129',
  '::/0',
  '0.0.0.0/0',
  'default',
  'tcp',
  'UDP',
  'sctp',
  'icmp',
  'c2:11:22:33:44:55',
  'c2-11-22-33-44-55',
  'zz',
  '/run/netns/x',
  '/var/lib/x',
];
const NUMBERS = [
  0,
  1,
  -1,
  1.5,
  100,
  4094,
  4095,
  65535,
  65536,
  2 ** 32,
  2 ** 53,
  Number.NaN,
  Number.POSITIVE_INFINITY,
];

const text = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ maxLength: 6 }));
const number = fc.oneof(fc.constantFrom(...NUMBERS), fc.integer({ min: -3, max: 70000 }));
const junk = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.constantFrom<unknown>(null, undefined, [], {}, [null], [[]], [{}]),
);

/** Values a zod/mini schema mostly accepts, with a fault now and then. */
export function arbitraryFor(schema: core.$ZodType): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 20, arbitrary: near((schema as core.$ZodTypes)._zod.def) },
    { weight: 1, arbitrary: junk },
  );
}

function near(def: core.$ZodTypes['_zod']['def']): fc.Arbitrary<unknown> {
  switch (def.type) {
    case 'string':
      return text;
    case 'number':
      return number;
    case 'boolean':
      return fc.boolean();
    case 'literal':
      return fc.constantFrom<unknown>(...def.values);
    case 'enum':
      return fc.constantFrom<unknown>(...Object.values(def.entries));
    case 'optional':
      return fc.option(arbitraryFor(def.innerType), { nil: undefined });
    case 'nullable':
      return fc.option(arbitraryFor(def.innerType), { nil: null });
    case 'union':
      return fc.oneof(...def.options.map(arbitraryFor));
    case 'array':
      return fc.array(arbitraryFor(def.element), { maxLength: 2 });
    case 'record':
      return fc.dictionary(text, arbitraryFor(def.valueType as core.$ZodType), { maxKeys: 2 });
    case 'object': {
      const shape = Object.entries(def.shape).map(
        ([key, property]) => [key, arbitraryFor(property)] as const,
      );
      return fc
        .tuple(
          fc.record(Object.fromEntries(shape), { requiredKeys: required(def.shape) }),
          fc.constantFrom({}, { stranger: 1 }),
        )
        .map(([value, more]) => ({ ...value, ...more }));
    }
    default:
      return junk;
  }
}

function required(shape: Readonly<Record<string, core.$ZodType>>): string[] {
  return Object.keys(shape).filter((key) => (shape[key] as core.$ZodTypes)._zod.def.type !== 'optional');
}
