import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeText, encodeText, nameBytes, textLength } from './text.ts';

const encode = (text: string): Uint8Array => {
  const bytes = new Uint8Array(textLength(text));
  expect(encodeText(text, bytes, 0)).toBe(bytes.length);
  return bytes;
};

/** Any code point but surrogates. The unit `binary` of fast-check is the same, and takes a second to make. */
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((point) => String.fromCodePoint(point));

describe('decodeText()', () => {
  test('decodeText() returns text that encodeText() turns into the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const name = bytes.filter((byte) => byte !== 0);
        return Buffer.compare(encode(decodeText(name, 0, name.length)), name) === 0;
      }),
      { numRuns: 5000 },
    );
  });

  test('decodeText() agrees with TextDecoder on well-formed text', () => {
    fc.assert(
      fc.property(fc.string({ unit: codePoint }), (text) => {
        fc.pre(!text.includes('\0'));
        const bytes = new TextEncoder().encode(text);
        return Buffer.compare(encode(text), bytes) === 0 && decodeText(bytes, 0, bytes.length) === text;
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ['overlong', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
    ['cut short', [0xe2, 0x82]],
    ['a lone continuation byte', [0x80]],
  ])('decodeText() keeps the bytes of text that is %s', (_, values) => {
    const bytes = Uint8Array.from(values);
    const text = decodeText(bytes, 0, bytes.length);
    expect([...text].map((char) => char.codePointAt(0)! - 0xdc00)).toEqual(values);
    expect(encode(text)).toEqual(bytes);
  });

  test('decodeText() ends at a NUL', () => {
    expect(decodeText(Uint8Array.of(0x61, 0, 0x62), 0, 3)).toBe('a');
  });
});

describe('nameBytes()', () => {
  test('nameBytes() ends every name with a NUL', () => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 300; i++) {
        expect([...nameBytes(`n${i}`)]).toEqual([...new TextEncoder().encode(`n${i}\0`)]);
      }
      expect([...nameBytes('zoë')]).toEqual([...new TextEncoder().encode('zoë\0')]);
      expect([...nameBytes('')]).toEqual([0]);
    }
  });
});
