import { expect, test } from 'vitest';
import { decodeBase64 } from './base64.ts';

test.each(['', 'a', 'ab', 'abc', '{"name":"é€𝄞\\n"}', '\u0000\u007f\u0080\u07ff'])(
  'decodeBase64() decodes %j',
  (text) => {
    expect(decodeBase64(Buffer.from(text).toString('base64'))).toBe(text);
  },
);

test('decodeBase64() refuses bytes that are not UTF-8', () => {
  expect(() => decodeBase64('/w==')).toThrow(URIError);
});
