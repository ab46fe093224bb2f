import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { versionAsker, versionsOf } from './probe-executable.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cnikit-probe-'));
  return () => rmSync(dir, { recursive: true });
});

function install(name: string, body: string): string {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('versionsOf() returns the versions of a plugin, or why it reports none', () => {
  const plugin = install('good', `test "$CNI_COMMAND" = VERSION && echo '{"supportedVersions":["0.4.0"]}'`);
  expect(versionsOf(plugin)).toEqual({ versions: ['0.4.0'] });
  expect(versionsOf(install('mute', 'true')).error).toMatch(/its output for VERSION/);
  expect(versionsOf(install('other', 'echo "{}"')).error).toMatch(/its output for VERSION/);
  expect(versionsOf(install('failing', 'exit 3')).error).toBe('it exited with status 3');
  expect(versionsOf(join(dir, 'none')).error).toMatch(/ENOENT/);
});

test('versionAsker() asks each executable once, and again after a change or a failure', () => {
  const asked: string[] = [];
  const ask = versionAsker(dir, ['portmap'], (path) => {
    asked.push(path);
    return asked.length === 1 ? { error: 'ETXTBSY' } : { versions: ['1.0.0'] };
  });
  expect(ask('a')).toMatchObject({ type: 'a', missing: true });
  expect(ask('portmap')).toEqual({ type: 'portmap' });
  install('a', 'one');
  expect(ask('a').error).toBe('ETXTBSY');
  expect(ask('a')).toEqual({ type: 'a', versions: ['1.0.0'] });
  ask('a');
  expect(asked).toHaveLength(2);
  install('a', 'another');
  ask('a');
  expect(asked).toHaveLength(3);
});
