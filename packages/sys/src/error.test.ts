import { describe, expect, test } from 'vitest';
import { SysError, type SysErrorInit } from './error.ts';

const table: [SysErrorInit, string][] = [
  [{ syscall: 'open', errno: 2, path: '/x y' }, 'No such file or directory (open "/x y": ENOENT)'],
  [{ syscall: 'recv', errno: 105 }, 'No buffer space available (recv: ENOBUFS)'],
  [{ syscall: 'send', errno: 4000 }, 'Unknown error (send: E4000)'],
  [
    { syscall: 'setns', errno: 22, path: '/p', message: 'Not a network namespace' },
    'Not a network namespace (setns "/p": EINVAL)',
  ],
];

describe('SysError', () => {
  test.each(table)('SysError of %j has a message with a sentence and the facts', (init, message) => {
    const error = new SysError(init);
    expect(error.message).toBe(message);
    expect(error).toMatchObject({ name: 'SysError', syscall: init.syscall, errno: init.errno });
    expect('path' in error).toBe('path' in init);
  });

  test('SysError keeps its cause', () => {
    const cause = new Error('why');
    expect(new SysError({ syscall: 'x', errno: 1, cause }).cause).toBe(cause);
  });
});
