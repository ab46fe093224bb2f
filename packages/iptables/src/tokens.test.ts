import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinWords, quoteWord, splitWords } from './tokens.ts';

test.each([
  ['', '""'],
  ['a', 'a'],
  ['a b', '"a b"'],
  ['"', '"\\""'],
  ['\\', '"\\\\"'],
  ["it's", '"it\'s"'],
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['!', '"!"'],
])('quoteWord() of %j is %s', (word, expected) => {
  expect(quoteWord(word)).toBe(expected);
});

test.each([
  ['-A X  -j Y', ['-A', 'X', '-j', 'Y']],
  ['--comment "a \\"b\\" it\\\'s \\\\"', ['--comment', 'a "b" it\'s \\']],
  ['"never closed', ['never closed']],
  ['"ends in \\', ['ends in ']],
  ['', []],
])('splitWords() of %j', (line, expected) => {
  expect(splitWords(line).map(({ text }) => text)).toEqual(expected);
});

test('splitWords() gives back what joinWords() was given', () => {
  const word = fc.string({ unit: fc.constantFrom('a', '-', '!', '"', "'", '\\', ' ', 'ä', '$', '/') });
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const back = splitWords(joinWords(words));
      expect(back.map(({ text }) => text)).toEqual(words);
      for (const { text, quoted } of back) {
        if (text === '!') {
          expect(quoted).toBe(false);
        }
      }
    }),
  );
});
