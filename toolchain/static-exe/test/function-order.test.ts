import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { engineSources } from '../src/engine.ts';
import { HOT_FUNCTIONS } from '../src/function-order.ts';
import { type Arch, toolchain } from '../src/toolchain.ts';

const root = join(import.meta.dirname, '../../..');
const { arch, cc } = toolchain(process.arch as Arch);

/** Returns the C code of a folder without comments. */
function codeIn(folder: string): string[] {
  const files = readdirSync(folder).filter((file) => /\.[ch]$/.test(file));
  return files.map((file) =>
    readFileSync(join(folder, file), 'utf8').replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, ''),
  );
}

/** Returns the functions of the C library and of the other objects that the compiler links. */
function functionsOfLibc(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'libc-'));
  try {
    const argv = ['-static', '-Wl,--trace', '-x', 'c', '-', '-o', join(folder, 'program')];
    const linked = execFileSync(cc, argv, { input: 'int main(void) { return 0; }', encoding: 'utf8' });
    const files = linked.split('\n').filter((line) => line.startsWith('/usr/'));
    const symbols = execFileSync('nm', files, { encoding: 'utf8', maxBuffer: 1 << 26, stdio: 'pipe' });
    return [...symbols.matchAll(/ [TtWw] (\w+)[.\w]*$/gm)].map(([, name]) => name!);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// The list has musl's functions, and what calls the system differs on arm64.
test.skipIf(cc !== 'musl-gcc' || arch !== 'x64')(
  'functionOrder() reads names of functions that exist; bench plugin-counts --c-functions renews them',
  async () => {
    const engine = await engineSources(process.env.CNIKIT_CACHE ?? join(root, '.cache/quickjs'));
    const folders = [engine, join(root, 'toolchain/static-exe/host'), join(root, 'packages/sys/native')];
    const used = folders.flatMap(codeIn).flatMap((text) => text.match(/\b\w+(?=\()/g) ?? []);
    const known = new Set([...used, ...functionsOfLibc()]);
    const listed = readFileSync(HOT_FUNCTIONS, 'utf8').split('\n').filter(Boolean);
    // The compiler appends `.part.0` to a part of a function, and `.isra.0` to one with other parameters.
    expect(listed.filter((name) => !known.has(name.split('.')[0]!))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
  },
);
