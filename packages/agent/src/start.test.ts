import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sys } from '@cnikit/sys';
import { afterEach, beforeEach, expect, test } from 'vitest';

let dir: string;
const file = (name: string): string => join(dir, name);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cnikit-start-'));
  mkdirSync(file('core'));
  for (const name of ['start.ts', 'core/v8-flags.ts']) {
    copyFileSync(join(import.meta.dirname, name), file(name));
  }
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Writes a program that prints `word`. Words of one length make programs of one length. */
function writeProgram(word: string): void {
  const text = `(function (require, file) { const say = () => "${word}"; console.log(say()); })`;
  writeFileSync(file('cnikit-agent-program.cjs'), text);
}

function start(...argv: string[]): string {
  const { status, stdout, stderr } = sys.run([process.execPath, file('start.ts'), ...argv]);
  expect([status, stderr]).toEqual([0, '']);
  return stdout.trim();
}

const digest = (): Buffer =>
  createHash('sha256')
    .update(readFileSync(file('cnikit-agent-program.cjs')))
    .digest();

test('the executable runs the program without saved code', () => {
  writeProgram('first');
  expect(start('run')).toBe('first');
  expect(existsSync(file('cnikit-agent-program.cache'))).toBe(false);
});

test('run takes the code that code-cache saved', () => {
  writeProgram('first');
  start('code-cache');
  // V8 compares only lengths: with the digest of the second program it runs the code of the first.
  const saved = readFileSync(file('cnikit-agent-program.cache')).subarray(32);
  writeProgram('other');
  writeFileSync(file('cnikit-agent-program.cache'), Buffer.concat([digest(), saved]));
  expect(start('run')).toBe('first');
  expect(start('doctor')).toBe('other');
});

test('run ignores saved code of another program and code that V8 does not accept', () => {
  writeProgram('first');
  start('code-cache');
  writeProgram('other');
  expect(start('run')).toBe('other');
  for (const code of ['', 'not the code of this version of V8, although it is long enough']) {
    writeFileSync(file('cnikit-agent-program.cache'), Buffer.concat([digest(), Buffer.from(code)]));
    expect(start('run')).toBe('other');
  }
});

test('run is the default, with saved code too', () => {
  writeProgram('first');
  start('code-cache');
  const saved = readFileSync(file('cnikit-agent-program.cache')).subarray(32);
  writeProgram('other');
  writeFileSync(file('cnikit-agent-program.cache'), Buffer.concat([digest(), saved]));
  expect([start(), start('--node-name=n1'), start('plan')]).toEqual(['first', 'first', 'other']);
});

test('code-cache fails when it cannot write, and saves nothing of a program that failed', () => {
  const status = () => sys.run([process.execPath, file('start.ts'), 'code-cache']).status;
  const program = (code: number) => `(function () { process.exitCode = ${code}; })`;
  writeFileSync(file('cnikit-agent-program.cjs'), program(3));
  expect(status()).toBe(3);
  expect(existsSync(file('cnikit-agent-program.cache'))).toBe(false);
  writeFileSync(file('cnikit-agent-program.cjs'), program(0));
  mkdirSync(file('cnikit-agent-program.cache'));
  expect(status()).toBe(1);
});
