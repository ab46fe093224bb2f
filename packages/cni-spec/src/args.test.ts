import { describe, expect, test } from 'vitest';
import { parseArgs } from './index.ts';

describe('parseArgs()', () => {
  test.each([
    [undefined, {}],
    ['', {}],
    ['IP=10.1.0.2', { IP: '10.1.0.2' }],
    ['IP=1;IP=2', { IP: '2' }],
    ['IP=', { IP: '' }],
    ['X=1;IgnoreUnknown=1;IP=2', { X: '1', IgnoreUnknown: '1', IP: '2' }],
    ['IgnoreUnknown=True;X=1', { IgnoreUnknown: 'True', X: '1' }],
    ['IgnoreUnknown=0;IP=1', { IgnoreUnknown: '0', IP: '1' }],
  ])('parseArgs() accepts %j', (text, expected) => {
    expect(parseArgs(text, ['IP'])).toEqual(expected);
  });
  test.each([
    'IP=1;',
    ';IP=1',
    'IP=a=b',
    'IP',
    'X=1',
    'ip=1',
    'X=1;IgnoreUnknown=0',
    'IP=1;IgnoreUnknown=yes',
  ])('parseArgs() refuses %j with code 4', (text) => {
    expect(() => parseArgs(text, ['IP'])).toThrow(expect.objectContaining({ code: 4 }));
  });
  test('parseArgs() accepts any key without a list of known keys', () => {
    expect(parseArgs('none;a=b=c;X=1;__proto__=1')).toEqual({ X: '1' });
  });
});
