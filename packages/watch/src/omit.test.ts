import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { omitKeys } from './omit.ts';

describe('omitKeys()', () => {
  test.each([
    ['an array', '{"a":[1,"]",{"b":[]}],"c":2}', '{"a":null,"c":2}'],
    ['an object, last', '{"c":1,"a":{"x":"}"}}', '{"c":1,"a":null}'],
    ['a string with quotes and backslashes', '{"a":"\\"\\\\","c":"\\\\"}', '{"a":null,"c":"\\\\"}'],
    [
      'a number, a boolean, null',
      '[{"a":1.5e3},{"a":true,"b":1},{"a":null}]',
      '[{"a":null},{"a":null,"b":1},{"a":null}]',
    ],
    [
      'one within another one only once',
      '{"a":{"a":{"a":1}},"b":{"a":[{"a":2}]}}',
      '{"a":null,"b":{"a":null}}',
    ],
    ['spaces', '{"a": [ 1, 2 ] , "c" : 2}', '{"a":null , "c" : 2}'],
    [
      'not what only looks like it',
      '{"x":"\\"a\\":1","b\\"a":1,"aa":2,"y":"a"}',
      '{"x":"\\"a\\":1","b\\"a":1,"aa":2,"y":"a"}',
    ],
    ['nothing of what has no end', '{"a":[1,"x', '{"a":[1,"x'],
  ])('leaves out %s', (_, text, expected) => {
    expect(omitKeys(text, ['a'])).toBe(expected);
  });

  it('is as parsing and then leaving out, for any JSON', () => {
    const omitted = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(omitted);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value).map(([key, one]) => [key, key === 'a' || key === 'b' ? null : omitted(one)]),
      );
    };
    const key = fc.oneof(fc.constantFrom('a', 'b', 'ab', '"a', 'a"', '\\', '"'), fc.string());
    const { json } = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 3 },
        fc.oneof(fc.string(), key, fc.integer(), fc.boolean(), fc.constant(null)),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(key, tie('json'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(JSON.parse(omitKeys(text, ['a', 'b'])))).toBe(
          JSON.stringify(omitted(JSON.parse(text))),
        );
      }),
      { numRuns: 1000 },
    );
  });
});
