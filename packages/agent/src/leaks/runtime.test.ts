import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runtimeListens } from './runtime.ts';

const head = 'Num       RefCount Protocol Flags    Type St Inode Path\n';
const line = (flags: string, path = '') =>
  `000000009f0fe0df: 00000002 00000000 ${flags} 0001 01 626402 ${path}\n`;

test.each([
  ['containerd', line('00010000', '/run/containerd/containerd.sock'), undefined, true],
  ['CRI-O under /var/run', line('00010000', '/var/run/crio/crio.sock'), undefined, true],
  ['a connection but no listener', line('00000000', '/run/containerd/containerd.sock'), undefined, false],
  [
    'other sockets and nameless ones',
    line('00010000', '/run/dbus/socket') + line('00010000'),
    undefined,
    false,
  ],
  ['another runtime than the given one', line('00010000', '/run/crio/crio.sock'), '/x.sock', false],
  ['the given one', line('00010000', '/run/x.sock'), '/var/run/x.sock', true],
])('runtimeListens() with %s', (_, lines, socket, expected) => {
  const dir = mkdtempSync(join(tmpdir(), 'cnikit-unix-'));
  try {
    writeFileSync(join(dir, 'unix'), head + lines);
    expect(runtimeListens(socket, join(dir, 'unix'))).toBe(expected);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('runtimeListens() follows a real socket', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'cnikit-unix-'));
  const socket = join(dir, 'runtime.sock');
  expect(runtimeListens(socket)).toBe(false);
  const server = createServer();
  await new Promise<void>((done) => server.listen(socket, done));
  expect(runtimeListens(socket)).toBe(true);
  await new Promise((done) => server.close(done));
  expect(runtimeListens(socket)).toBe(false);
  rmSync(dir, { recursive: true });
});
