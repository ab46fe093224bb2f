import { expect, test } from 'vitest';
import { runProgram } from './run-program.ts';

test('runProgram() passes arguments and input, and returns status and output', () => {
  expect(runProgram(['sh', '-c', 'cat; echo "$0" >&2; exit 3', 'name'], 'rules\n')).toEqual({
    status: 3,
    stdout: 'rules\n',
    stderr: 'name\n',
  });
});

test('runProgram() throws ENOENT for a program that does not exist', () => {
  expect(() => runProgram(['/nowhere/iptables-save'])).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test('runProgram() names the program that a signal killed', () => {
  const { status, stderr } = runProgram(['sh', '-c', 'echo why >&2; kill -9 $$']);
  expect([status, stderr]).toEqual([137, 'sh was killed by signal 9\nwhy\n']);
});
