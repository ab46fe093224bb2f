import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { nodeRuntimeIo } from './node.ts';

const io = nodeRuntimeIo({});
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cni-spec-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function script(text: string): string {
  const file = join(folder, 'plugin');
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Returns true for a running process; a zombie has ended. */
function isRunning(pid: string): boolean {
  return /^State:\s+[^ZX]/m.test(io.readText(`/proc/${pid}/status`) ?? '');
}

describe('nodeRuntimeIo().exec()', () => {
  const env = { PATH: process.env.PATH ?? '/bin', WORD: 'hello' };
  test('nodeRuntimeIo().exec() passes stdin and environment and returns output and exit code', async () => {
    const file = script('cat; echo "$WORD" >&2; exit 3');
    expect(await io.exec({ file, env, stdin: '{"a":1}' })).toEqual({
      exitCode: 3,
      stdout: '{"a":1}',
      stderr: 'hello\n',
    });
  });
  test('nodeRuntimeIo().exec() succeeds when the plugin does not read stdin', async () => {
    const stdin = 'x'.repeat(1 << 20);
    expect(await io.exec({ file: script('exec <&-; echo {}'), env, stdin })).toMatchObject({
      exitCode: 0,
      stdout: '{}\n',
    });
  });
  test('nodeRuntimeIo().exec() kills a plugin and its children after the timeout', async () => {
    const file = script('sh -c \'echo $$ > "$0.pid"; read never < "$0.fifo"\' "$0"');
    spawnSync('mkfifo', [`${file}.fifo`]);
    await expect(io.exec({ file, env, stdin: '', timeoutMs: 300 })).rejects.toMatchObject({
      code: 999,
      message: expect.stringContaining('300 ms'),
    });
    // The timeout may kill the child before it prints its process ID.
    const pid = io.readText(`${file}.pid`)?.trim();
    if (pid) {
      await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 15_000 });
    }
  });
  test.each([
    ['is missing', '/nonexistent/x'],
    ['is not executable', '/dev/null'],
  ])('nodeRuntimeIo().exec() throws when the file %s', async (_name, file) => {
    await expect(io.exec({ file, env, stdin: '' })).rejects.toMatchObject({
      code: 5,
      message: expect.stringContaining(file),
    });
  });
  test('nodeRuntimeIo().exec() kills a plugin that prints endlessly', async () => {
    await expect(io.exec({ file: script('exec yes'), env, stdin: '' })).rejects.toMatchObject({ code: 5 });
  });
});

describe('nodeRuntimeIo() and files', () => {
  test('nodeRuntimeIo().writeText() writes a private file atomically in a private directory', () => {
    const path = join(folder, 'cni', 'results', 'a');
    io.writeText(path, 'one');
    io.writeText(path, 'two');
    expect(io.readText(path)).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'cni', 'results')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'cni'))).toEqual(['results']);
    io.remove(path);
    io.remove(path);
    expect(io.readText(path)).toBeUndefined();
  });
  test('nodeRuntimeIo().isFile() follows links and accepts only regular files', () => {
    symlinkSync(script(''), join(folder, 'link'));
    expect([folder, join(folder, 'link'), join(folder, 'none')].map(io.isFile)).toEqual([false, true, false]);
    expect(io.readdir(join(folder, 'none'))).toBeUndefined();
  });
});
