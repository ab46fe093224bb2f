import { describe, expect, test } from 'vitest';
import { SysError, sys, withNetns } from './index.ts';
import { interpose } from './testing.ts';

describe('interpose()', () => {
  test('interpose() reports every call in order and makes it', () => {
    const calls: unknown[] = [];
    const spied = interpose(sys, (...call) => void calls.push(call));
    expect(spied.getpid()).toBe(process.pid);
    expect(spied.stat('/').mode).toBe(sys.stat('/').mode);
    expect(calls).toEqual([
      [1, 'getpid', []],
      [2, 'stat', ['/']],
    ]);
  });

  test('interpose() makes the Nth call fail', () => {
    const failAt = (n: number) =>
      interpose(sys, (index, name) => {
        if (index === n) {
          throw new SysError({ syscall: name, errno: 28 });
        }
      });
    const work = (kernel: typeof sys) => withNetns(kernel, '/nowhere', () => 0);
    expect(() => work(failAt(1))).toThrow('(open: ENOSPC)');
    expect(() => work(failAt(2))).toThrow('(open: ENOSPC)');
    expect(() => work(failAt(4))).toThrow('/nowhere');
  });

  test('interpose() has every method of Sys', () => {
    expect(Object.keys(interpose(sys, () => {}))).toEqual(Object.keys(sys));
  });
});

describe('withNetns()', () => {
  test('withNetns() ends the process when the thread cannot return', () => {
    const ended: unknown[] = [];
    let entered = false;
    const stuck = {
      ...sys,
      setns() {
        if (entered) {
          throw new SysError({ syscall: 'setns', errno: 1 });
        }
        entered = true;
      },
      writeFdText: (fd: number, text: string) => void ended.push(fd, text),
      exit(status: number): never {
        ended.push(status);
        throw new Error('ended');
      },
    };
    expect(() => withNetns(stuck, '/proc/self/ns/net', () => 0)).toThrow('ended');
    expect(ended).toEqual([
      2,
      expect.stringContaining('Cannot return to the original network namespace'),
      70,
    ]);
  });
});
