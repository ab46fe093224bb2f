import { expect, test } from 'vitest';
import goldens from '../../../test/goldens/re2.json' with { type: 'json' };
import { re2 } from './re2.ts';

interface Golden {
  expression: string;
  matches?: number[];
  error?: string;
}

const { texts } = goldens;
const all: Golden[] = goldens.expressions;

test.each(all.filter(({ error }) => error === undefined))(
  're2() matches the texts that Go matches: $expression',
  ({ expression, matches = [] }) => {
    const translated = re2(expression);
    const found = texts.filter((text) => translated.test(text));
    expect(found).toEqual(matches.map((index) => texts[index]));
  },
);

test.each(all.filter(({ error }) => error !== undefined))(
  're2() throws where Go does: $expression',
  ({ expression }) => {
    expect(() => re2(expression)).toThrow(SyntaxError);
  },
);

test.each([
  ['(a)\\1', 'invalid escape sequence: \\1'],
  ['x(?=a)', 'invalid or unsupported Perl syntax: (?='],
  ['[[:foo:]]', 'invalid character class range: [:foo:]'],
  ['\\p{Foo}', 'invalid character class range: \\p{Foo}'],
  ['a**', 'invalid nested repetition operator: *'],
  ['\\Zx', 'invalid escape sequence: \\Z'],
])('re2() names what %s has and RE2 does not', (expression, message) => {
  expect(() => re2(expression)).toThrow(message);
});
