/**
 * Builds a static Linux executable from a TypeScript entry: bundled by esbuild, compiled to bytecode, linked with the
 * QuickJS engine and the C core of @cnikit/sys.
 *
 * ```ts
 * import { buildStaticExecutable } from '@cnikit/static-exe';
 *
 * await buildStaticExecutable({ entry: 'src/main.ts', outfile: 'build/main' });
 * ```
 *
 * @module
 */
import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { bundle } from './bundle.ts';
import { partOf } from './compile-all.ts';
import { engineSources } from './engine.ts';
import { bytecodeCompiler, compileScripts, linkExecutable } from './link.ts';
import { type Scripts, scriptsSource } from './scripts.ts';
import { type Link, linkPlain, linkWithSnapshot } from './snapshot.ts';
import { type Arch, sanitizingToolchain, toolchain } from './toolchain.ts';

const run = promisify(execFile);

const ROOT = dirname(dirname(dirname(import.meta.dirname)));

export type { Arch } from './toolchain.ts';

export interface StaticExecutableOptions {
  /** The script that runs at start: a TypeScript or JavaScript file. */
  entry: string;
  outfile: string;
  /** @default the architecture of this machine */
  arch?: Arch;
  /**
   * Modules that become separate scripts, loaded at the first call of one of their functions: paths by the name of the
   * script. Each exports function declarations only, and other modules import and call them as usual.
   *
   * @default {}
   */
  lazy?: Readonly<Record<string, string>>;
  /**
   * Evaluate the entry at build time and freeze the result. A start only calls `globalThis.__cnikit_main`, which the
   * entry must set. The top level must not use `sys`, the clock or randomness.
   *
   * @default false
   */
  prepare?: boolean;
  /** Put the finished context into the executable instead of creating it at each start. @default true */
  snapshot?: boolean;
  /**
   * Build our own C code with the address and undefined-behaviour sanitizers, linked dynamically against the machine's
   * libc and without a snapshot. For tests.
   *
   * @default false
   */
  sanitize?: boolean;
  /** Text for standard output after an uncaught exception, which exits with status 70. @default '' */
  crashText?: string;
  /**
   * Builds an executable for a profile: it has symbols, its scripts are not minified, and it writes each call of a
   * function to file descriptor 9 as host/profile.c describes. The value is a folder for the scripts' text, whose lines
   * the calls refer to: `entry.js`, and NAME.js of each lazy module.
   */
  profile?: string;
  /** @default $CNIKIT_CACHE, or .cache/quickjs at the root of the repository */
  cacheDir?: string;
}

export interface StaticExecutable {
  path: string;
  bytes: number;
  /** False if the context is created at each start: on request, or because this machine cannot run the executable. */
  snapshot: boolean;
}

/**
 * Builds a static executable. `outfile` is replaced atomically.
 *
 * @throws {Error} when a tool is missing or the entry does not compile
 */
export async function buildStaticExecutable(options: StaticExecutableOptions): Promise<StaticExecutable> {
  const { sanitize = false, prepare = false, crashText = '', profile } = options;
  const cacheDir = resolve(options.cacheDir ?? process.env.CNIKIT_CACHE ?? join(ROOT, '.cache', 'quickjs'));
  const arch = options.arch ?? (process.arch as Arch);
  const native = toolchain(process.arch as Arch);
  const tools = sanitize ? sanitizingToolchain() : arch === native.arch ? native : toolchain(arch);
  const snapshot = options.snapshot !== false && !sanitize && tools.runner !== undefined;
  if (prepare && !snapshot) {
    throw new Error(
      `A prepared entry needs a snapshot, which this machine cannot create for ${arch}: install qemu-user`,
    );
  }
  const engine = await engineSources(cacheDir, profile !== undefined);
  const work = mkdtempSync(join(cacheDir, 'build-'));
  try {
    const compiler = await bytecodeCompiler(engine, cacheDir, native);
    const texts = await bundle(resolve(options.entry), realPaths(options.lazy ?? {}), profile === undefined);
    const files = await bytecode(texts, compiler, profile ?? work, work);
    const source = join(work, 'scripts.c');
    writeFileSync(source, scriptsSource({ files, entryApart: snapshot, prepared: prepare, crashText }));
    const parts = { tools, engine, cacheDir, sanitize, symbols: profile !== undefined };
    const input = { ...parts, scripts: await compileScripts(source, parts) };
    const result = join(work, 'executable');
    const link: Link = (out, heapSize) => linkExecutable(input, out, heapSize);
    if (snapshot) {
      await linkWithSnapshot(link, { tools, entry: files[0]!.bytecode, work }, result);
    } else {
      await linkPlain(link, tools, work, result);
    }
    return { ...place(result, resolve(options.outfile)), snapshot };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Compiles the scripts, whose text it writes to `folder`. The entry is the first one. */
async function bytecode(
  texts: ReadonlyMap<string, string>,
  compiler: string,
  folder: string,
  work: string,
): Promise<Scripts['files']> {
  const files: Scripts['files'][number][] = [];
  const debug = folder === work ? [] : ['debug'];
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of texts) {
    const file = `${name || 'entry'}`;
    const [script, out] = [join(folder, `${file}.js`), join(work, `${file}.bin`)];
    writeFileSync(script, text);
    await run(compiler, [script, out, ...debug]);
    files.push({ name, bytecode: out });
  }
  return files;
}

function realPaths(paths: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, realpathSync(path)]));
}

/** Moves the result to `outfile`, also across file systems. */
function place(result: string, outfile: string): { path: string; bytes: number } {
  mkdirSync(dirname(outfile), { recursive: true });
  const part = partOf(outfile);
  writeFileSync(part, readFileSync(result), { mode: 0o755 });
  renameSync(part, outfile);
  return { path: outfile, bytes: statSync(outfile).size };
}
