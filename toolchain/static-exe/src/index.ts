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
import { bundle, bundleLazy, type LazyModules } from './bundle.ts';
import { engineSources } from './engine.ts';
import { bytecodeCompiler, linkExecutable } from './link.ts';
import { partOf } from './objects.ts';
import { type Scripts, scriptsSource } from './scripts.ts';
import { linkPlain, linkWithSnapshot } from './snapshot.ts';
import { type Arch, sanitizingToolchain, toolchain } from './toolchain.ts';

const run = promisify(execFile);

const ROOT = dirname(dirname(dirname(import.meta.dirname)));

export type { Arch } from './toolchain.ts';

export interface StaticExecutableOptions {
  /** The script that runs at start: a TypeScript or JavaScript file. */
  entry: string;
  outfile: string;
  /** Default: this machine's. */
  arch?: Arch;
  /**
   * Modules that get a script of their own, which is loaded only when their function is called: the path of each, by
   * the name of the one function that it exports. The entry imports the module and calls the function as any other.
   *
   * @default {}
   */
  lazy?: LazyModules;
  /**
   * Evaluate the entry at build time and freeze the result: at start only the function that it left in
   * `globalThis.__cnikit_main` is called. The top level must not use `sys`, the clock or randomness.
   */
  prepare?: boolean;
  /** Put the ready context into the executable (default), or make it at each start. */
  snapshot?: boolean;
  /**
   * For tests: our own C code under the address and undefined-behaviour sanitizers, linked dynamically against
   * the machine's libc. Without a snapshot.
   */
  sanitize?: boolean;
  /** For standard output when an exception is not caught; the status is then 70. */
  crashText?: string;
  /** Default: $CNIKIT_CACHE, or .cache/quickjs at the repository's root. */
  cacheDir?: string;
}

export interface StaticExecutable {
  path: string;
  bytes: number;
  /** False where the context is made at each start: asked for, or no way to run the executable here (cross-built, no qemu). */
  snapshot: boolean;
}

/** Builds it; the file appears at `outfile` complete, by rename. */
export async function buildStaticExecutable(options: StaticExecutableOptions): Promise<StaticExecutable> {
  const { sanitize = false, prepare = false, crashText = '' } = options;
  const cacheDir = resolve(options.cacheDir ?? process.env.CNIKIT_CACHE ?? join(ROOT, '.cache', 'quickjs'));
  const arch = options.arch ?? (process.arch as Arch);
  const tools = sanitize ? sanitizingToolchain() : toolchain(arch);
  const snapshot = options.snapshot !== false && !sanitize && tools.runner !== undefined;
  if (prepare && !snapshot) {
    throw new Error(
      `A prepared entry needs a snapshot, and for ${arch} none can be made here: install qemu-user`,
    );
  }
  const engine = await engineSources(cacheDir);
  const work = mkdtempSync(join(cacheDir, 'build-'));
  try {
    const files = await bytecode(resolve(options.entry), resolveAll(options.lazy), engine, cacheDir, work);
    const scripts = join(work, 'scripts.c');
    writeFileSync(scripts, scriptsSource({ files, prepared: prepare, crashText }));
    const input = { tools, engine, cacheDir, scripts, sanitize };
    const result = join(work, 'executable');
    const make = snapshot ? linkWithSnapshot : linkPlain;
    await make((out, heapSize) => linkExecutable(input, out, heapSize), tools, work, result);
    return { ...place(result, resolve(options.outfile)), snapshot };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Bundles and compiles the entry and the lazy modules; the entry is the first script and has no name. */
async function bytecode(
  entry: string,
  lazy: LazyModules,
  engine: string,
  cacheDir: string,
  work: string,
): Promise<Scripts['files']> {
  const compiler = await bytecodeCompiler(engine, cacheDir);
  const compile = async (name: string, bundleTo: (outfile: string) => Promise<void>) => {
    const file = join(work, `${name || 'entry'}.bin`);
    await bundleTo(`${file}.js`);
    await run(compiler, [`${file}.js`, file]);
    return { name, bytecode: file };
  };
  const files = [await compile('', (outfile) => bundle(entry, outfile, lazy))];
  for (const [name, module] of Object.entries(lazy)) {
    files.push(await compile(name, (outfile) => bundleLazy(name, module, outfile)));
  }
  return files;
}

function resolveAll(modules: LazyModules = {}): LazyModules {
  return Object.fromEntries(Object.entries(modules).map(([name, module]) => [name, realpathSync(module)]));
}

/** Moves the result to where it is wanted, which may be another file system. */
function place(result: string, outfile: string): { path: string; bytes: number } {
  mkdirSync(dirname(outfile), { recursive: true });
  const part = partOf(outfile);
  writeFileSync(part, readFileSync(result), { mode: 0o755 });
  renameSync(part, outfile);
  return { path: outfile, bytes: statSync(outfile).size };
}
