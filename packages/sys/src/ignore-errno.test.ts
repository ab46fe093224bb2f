import { expect, test } from 'vitest';
import { ignoreErrno, SysError } from './index.ts';

const fail = (errno: number) => () => {
  throw new SysError({ syscall: 'open', errno });
};

test('ignoreErrno() returns what the body returns', () => {
  expect(ignoreErrno('ENOENT', () => 7)).toBe(7);
});

test('ignoreErrno() returns undefined for an error with one of the codes', () => {
  expect(ignoreErrno('ENOENT', fail(2))).toBeUndefined();
  expect(ignoreErrno(['EACCES', 'ENOENT'], fail(2))).toBeUndefined();
  const nodeError = Object.assign(new Error('missing'), { code: 'ENOENT' });
  const throwNodeError = () => {
    throw nodeError;
  };
  expect(ignoreErrno('ENOENT', throwNodeError)).toBeUndefined();
});

test('ignoreErrno() throws any other error', () => {
  expect(() => ignoreErrno('ENO', fail(2))).toThrow('ENOENT');
  expect(() => ignoreErrno(['EACCES'], fail(2))).toThrow('ENOENT');
  const throwText = () => {
    throw 'ENOENT';
  };
  expect(() => ignoreErrno('ENOENT', throwText)).toThrow('ENOENT');
});
