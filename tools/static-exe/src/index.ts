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
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { bundle } from './bundle.ts';
import { ENGINE_FLAGS, ENGINE_SOURCES, engineSources } from './engine.ts';
import { compileAll, type Unit } from './objects.ts';
import { scriptsSource } from './scripts.ts';
import { linkPlain, linkWithSnapshot } from './snapshot.ts';
import { type Arch, type Toolchain, toolchain } from './toolchain.ts';

const run = promisify(execFile);

const ROOT = dirname(dirname(dirname(import.meta.dirname)));
const HOST = join(dirname(import.meta.dirname), 'host');
const NATIVE = join(dirname(createRequire(import.meta.url).resolve('@cnikit/sys/package.json')), 'native');

const HOST_SOURCES = ['main.c', 'context.c', 'heap.c'];
const CORE_SOURCES = ['files.c', 'namespaces.c', 'out.c', 'process.c', 'quickjs.c', 'run.c', 'sockets.c'];

/** Unused functions go (the compiler of JavaScript, for one); fixed addresses are what a snapshot stands on. */
const COMMON_FLAGS = [
  '-std=gnu11',
  '-O2',
  '-fno-pie',
  '-ffunction-sections',
  '-fdata-sections',
  '-D_GNU_SOURCE',
];
const OWN_FLAGS = ['-Wall', '-Wextra', '-Werror', '-fstack-protector-strong'];
const LINK_FLAGS = [
  '-static',
  '-no-pie',
  '-s',
  '-Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,--wrap=gettimeofday',
];

export type { Arch } from './toolchain.ts';

export interface StaticExecutableOptions {
  /** The script that runs at start: a TypeScript or JavaScript file. */
  entry: string;
  outfile: string;
  /** Default: this machine's. */
  arch?: Arch;
  /** Further scripts by name, run only by `globalThis.__cnikit_load(name)`, which gives what they leave in `globalThis.__cnikit_lazy`. */
  lazy?: Record<string, string>;
  /**
   * Evaluate the entry at build time and freeze the result: at start only the function that it left in
   * `globalThis.__cnikit_main` is called. The top level must not use `sys`, the clock or randomness.
   */
  prepare?: boolean;
  /** Put the ready context into the executable (default), or make it at each start. */
  snapshot?: boolean;
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
  const cacheDir = resolve(options.cacheDir ?? process.env.CNIKIT_CACHE ?? join(ROOT, '.cache', 'quickjs'));
  const tools = toolchain(options.arch ?? (process.arch as Arch));
  const engine = await engineSources(cacheDir);
  const outfile = resolve(options.outfile);
  mkdirSync(dirname(outfile), { recursive: true });
  const work = mkdtempSync(join(cacheDir, 'build-'));
  try {
    const compiler = await bytecodeCompiler(engine, cacheDir);
    const files = [];
    for (const [name, entry] of [['', options.entry], ...Object.entries(options.lazy ?? {})] as [
      string,
      string,
    ][]) {
      const bytecode = join(work, `${files.length}.bin`);
      await bundle(resolve(entry), `${bytecode}.js`);
      await run(compiler, [`${bytecode}.js`, bytecode]);
      files.push({ name, bytecode });
    }
    const scripts = join(work, 'scripts.c');
    const crashText = options.crashText ?? '';
    writeFileSync(scripts, scriptsSource({ files, prepared: options.prepare ?? false, crashText }));
    const objects = await compileAll(runtimeUnits(engine), tools, cacheDir);
    const link = (out: string, heapSize?: number) =>
      linkExecutable({ tools, objects, scripts, engine, cacheDir, out, heapSize });
    const result = join(work, 'executable');
    const snapshot = options.snapshot !== false && tools.runner !== undefined;
    if (options.prepare && !snapshot)
      throw new Error(`A prepared entry needs a snapshot, which cannot be made for ${tools.arch} here`);
    if (snapshot) await linkWithSnapshot(link, tools, work, result);
    else await linkPlain(link, tools, work, result);
    const part = `${outfile}.${process.pid}.part`;
    writeFileSync(part, readFileSync(result), { mode: 0o755 });
    renameSync(part, outfile);
    return { path: outfile, bytes: statSync(outfile).size, snapshot };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function runtimeUnits(engine: string): Unit[] {
  const includes = [`-I${HOST}`, `-I${NATIVE}`, `-isystem${engine}`];
  return [
    ...ENGINE_SOURCES.map((name) => ({
      source: join(engine, name),
      flags: [...COMMON_FLAGS, ...ENGINE_FLAGS],
    })),
    ...CORE_SOURCES.map((name) => ({
      source: join(NATIVE, name),
      flags: [...COMMON_FLAGS, ...OWN_FLAGS, ...includes],
    })),
    ...HOST_SOURCES.filter((name) => name !== 'heap.c').map((name) => ({
      source: join(HOST, name),
      flags: [...COMMON_FLAGS, ...OWN_FLAGS, ...includes],
    })),
  ];
}

/** The program that makes bytecode runs here, whatever the target: bytecode is the same on both. */
async function bytecodeCompiler(engine: string, cacheDir: string): Promise<string> {
  const tools = toolchain(process.arch as Arch);
  const units = [
    ...ENGINE_SOURCES.map((name) => ({
      source: join(engine, name),
      flags: [...COMMON_FLAGS, ...ENGINE_FLAGS],
    })),
    { source: join(HOST, 'compile.c'), flags: [...COMMON_FLAGS, ...OWN_FLAGS, `-isystem${engine}`] },
  ];
  const objects = await compileAll(units, tools, cacheDir);
  const out = `${objects.at(-1)}.exe`;
  const part = `${out}.${process.pid}.part`;
  await run(tools.cc, ['-static', '-no-pie', ...objects, '-lm', '-lpthread', '-o', part]);
  renameSync(part, out);
  return out;
}

interface LinkInput {
  tools: Toolchain;
  objects: string[];
  scripts: string;
  engine: string;
  cacheDir: string;
  out: string;
  heapSize?: number | undefined;
}

async function linkExecutable({
  tools,
  objects,
  scripts,
  engine,
  cacheDir,
  out,
  heapSize,
}: LinkInput): Promise<void> {
  const flags = [...COMMON_FLAGS, ...OWN_FLAGS, `-I${HOST}`, `-isystem${engine}`];
  const size = heapSize === undefined ? [] : [`-DHEAP_SIZE=${heapSize}`];
  const [heap] = await compileAll(
    [{ source: join(HOST, 'heap.c'), flags: [...flags, ...size] }],
    tools,
    cacheDir,
  );
  await run(tools.cc, [
    ...tools.flags,
    ...flags,
    ...LINK_FLAGS,
    scripts,
    ...objects,
    heap!,
    '-lm',
    '-lpthread',
    '-o',
    out,
  ]);
}
