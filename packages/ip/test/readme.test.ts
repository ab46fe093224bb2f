import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
/** A folder in the package, where its own name resolves. */
const folder = join(root, 'build', 'readme');
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

test.each(['README.md', 'src/index.ts'])('The example of %s prints what its comments promise', (file) => {
  const text = readFileSync(join(root, file), 'utf8').replace(/^ \* ?/gm, '');
  const [, source] = /^```ts\n(.*?)^```/ms.exec(text)!;
  const promised = [...source!.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, line]) => `${line}\n`);
  const script = join(folder, 'example.ts');
  writeFileSync(script, source!);
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=@cnikit/source', script], {
    encoding: 'utf8',
  });
  expect({ stdout, stderr }).toEqual({ stdout: promised.join(''), stderr: '' });
});

test('The package runs in an engine that has nothing but the language', async () => {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'src/index.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'ip',
    platform: 'neutral',
  });
  // A fresh context has no process, Buffer, TextEncoder, URL, timers or console.
  const context = createContext({});
  runInContext(outputFiles[0]!.text, context);
  expect(runInContext(`ip.formatPrefix(ip.parseNetwork('FD00::1:2/112'))`, context)).toBe('fd00::1:0/112');
});
