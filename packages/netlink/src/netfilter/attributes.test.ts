import { expect, test } from 'vitest';
import { COMMENT_TEXT, ENCODED, nfBody } from './attributes.ts';

test('nfBody() encodes text, numbers, bytes, lists and comments, and leaves null out', () => {
  const attributes = [
    ...[1, 'ab', 2, 0x01020304, 3, Uint8Array.of(9), 4, null],
    ...[5, [1, 'c'], ENCODED, Uint8Array.of(7, 7, 7, 7, 7), 6 | COMMENT_TEXT, 'd'],
  ];
  expect([...nfBody('inet', attributes, 'little')]).toEqual([
    ...[1, 0, 0, 0],
    ...[7, 0, 1, 0, 97, 98, 0, 0],
    ...[8, 0, 2, 0, 1, 2, 3, 4],
    ...[5, 0, 3, 0, 9, 0, 0, 0],
    ...[12, 0, 5, 0x80, 6, 0, 1, 0, 99, 0, 0, 0],
    ...[7, 7, 7, 7, 7, 0, 0, 0],
    ...[8, 0, 6, 0, 0, 2, 100, 0],
  ]);
});

test.each([
  [[1, undefined], /undefined is not text/],
  [[1, 'a\0b'], /contains a NUL/],
  [[1, -1], /out of range/],
  [[1 | COMMENT_TEXT, 'x'.repeat(129)], /Comment too long/],
])('nfBody() refuses %j', (attributes, message) => {
  expect(() => nfBody('inet', attributes as never, 'little')).toThrow(message);
});
