import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha512 } from './internal.ts';

const ascii = fc.string({
  unit: fc.integer({ min: 0, max: 127 }).map((code) => String.fromCharCode(code)),
  maxLength: 400,
});

test('sha512() agrees with Node at every length around a block', () => {
  fc.assert(
    fc.property(ascii, (text) => {
      expect(sha512(text)).toBe(createHash('sha512').update(text).digest('hex'));
    }),
  );
  for (let length = 0; length < 300; length++) {
    const text = 'x'.repeat(length);
    expect(sha512(text)).toBe(createHash('sha512').update(text).digest('hex'));
  }
});
