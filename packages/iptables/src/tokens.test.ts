import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinTokens, quoteToken, splitTokens } from './tokens.ts';

test.each([
  ['', '""'],
  ['a', 'a'],
  ['a b', '"a b"'],
  ['"', '"\\""'],
  ['\\', '"\\\\"'],
  ["it's", '"it\'s"'],
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['!', '"!"'],
])('quoteToken() turns %j into %s', (token, expected) => {
  expect(quoteToken(token)).toBe(expected);
});

test.each([
  ['-A X  -j Y', ['-A', 'X', '-j', 'Y']],
  ['--comment "a \\"b\\" it\\\'s \\\\"', ['--comment', 'a "b" it\'s \\']],
  ['"never closed', ['never closed']],
  ['"ends in \\', ['ends in ']],
  ['', []],
])('splitTokens() splits %j', (line, expected) => {
  expect(splitTokens(line).map(({ text }) => text)).toEqual(expected);
});

test('splitTokens() returns the arguments of joinTokens()', () => {
  const token = fc.string({ unit: fc.constantFrom('a', '-', '!', '"', "'", '\\', ' ', 'ä', '$', '/') });
  fc.assert(
    fc.property(fc.array(token), (tokens) => {
      const back = splitTokens(joinTokens(tokens));
      expect(back.map(({ text }) => text)).toEqual(tokens);
      for (const { text, quoted } of back) {
        if (text === '!') {
          expect(quoted).toBe(false);
        }
      }
    }),
  );
});
