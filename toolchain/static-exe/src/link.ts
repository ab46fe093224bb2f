import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { compileAll, partOf, type Unit } from './compile-all.ts';
import { ENGINE_FLAGS, ENGINE_SOURCES } from './engine.ts';
import { functionOrder } from './function-order.ts';
import type { Toolchain } from './toolchain.ts';

const run = promisify(execFile);

const HOST = join(dirname(import.meta.dirname), 'host');
const NATIVE = join(dirname(createRequire(import.meta.url).resolve('@cnikit/sys/package.json')), 'native');

const HOST_SOURCES = ['main.c', 'context.c'];
const CORE_SOURCES = [
  'files.c',
  'namespaces.c',
  'out.c',
  'process.c',
  'quickjs.c',
  'run.c',
  'sha512.c',
  'sockets.c',
];

/** Drops unused functions, such as the JavaScript compiler. A snapshot requires fixed addresses. */
const COMMON =
  '-std=gnu11 -O2 -fno-pie -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -D_GNU_SOURCE'.split(
    ' ',
  );
const OWN = ['-Wall', '-Wextra', '-Werror'];
/** Hardening flags, also for the engine, which parses the input. musl does not support FORTIFY. */
const HARDENED = [
  '-fstack-protector-strong',
  '-fstack-clash-protection',
  '-U_FORTIFY_SOURCE',
  '-D_FORTIFY_SOURCE=2',
];
const SANITIZE = [
  '-g',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
  '-fno-omit-frame-pointer',
];
const LINK = ['-no-pie', '-Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,--wrap=gettimeofday'];
const LIBRARIES = ['-lm', '-lpthread'];

/** Parameters that all links of a build share. */
export interface LinkInput {
  tools: Toolchain;
  /** The engine's folder. */
  engine: string;
  cacheDir: string;
  /** The object with the scripts, see {@link compileScripts}. */
  scripts: string;
  sanitize: boolean;
  /** Keep the symbol table. */
  symbols: boolean;
}

/** Flags for our own C. */
function ownFlags({ engine, sanitize }: Pick<LinkInput, 'engine' | 'sanitize'>): string[] {
  const includes = [`-I${HOST}`, `-I${NATIVE}`, `-isystem${engine}`];
  return [...COMMON, ...OWN, ...(sanitize ? SANITIZE : HARDENED), ...includes];
}

/** Most code of a start runs once, so to fill the space in front of jumps' targets only makes it longer. */
const DENSE = ['-fno-align-jumps', '-fno-align-loops'];

/** The interpreter is compiled for speed, and what an ADD hardly uses, such as regular expressions, for size. */
function engineUnits(engine: string, kind: readonly string[]): Unit[] {
  const flags = [...COMMON, ...kind, ...ENGINE_FLAGS];
  return ENGINE_SOURCES.map((name) => ({
    source: join(engine, name),
    flags: name === 'quickjs.c' ? [...flags, ...DENSE] : [...flags, '-Os'],
  }));
}

/** Compiles the C file with the scripts, and returns its object. */
export async function compileScripts(source: string, input: Omit<LinkInput, 'scripts'>): Promise<string> {
  const object = `${source}.o`;
  const { tools } = input;
  await run(tools.cc, [...tools.flags, ...ownFlags(input), '-c', source, '-o', object]);
  return object;
}

/** Links the executable. `heapSize` is the size of its heap section in bytes, by default enough for the build stage. */
export async function linkExecutable(input: LinkInput, out: string, heapSize?: number): Promise<void> {
  const { tools, engine, cacheDir, scripts, sanitize, symbols } = input;
  const flags = ownFlags(input);
  const heapFlags = heapSize === undefined ? flags : [...flags, `-DHEAP_SIZE=${heapSize}`];
  const units = [
    ...engineUnits(engine, sanitize ? [] : HARDENED),
    ...CORE_SOURCES.map((name) => ({ source: join(NATIVE, name), flags })),
    ...HOST_SOURCES.map((name) => ({ source: join(HOST, name), flags })),
    { source: join(HOST, 'heap.c'), flags: heapFlags },
  ];
  const objects = await compileAll(units, tools, cacheDir);
  const order = `${out}.ld`;
  writeFileSync(order, functionOrder());
  const kind = sanitize ? [] : ['-static', `-Wl,-T,${order}`, ...(symbols ? [] : ['-s'])];
  await run(tools.cc, [
    ...tools.flags,
    ...flags,
    ...kind,
    ...LINK,
    scripts,
    ...objects,
    ...LIBRARIES,
    '-o',
    out,
  ]);
}

/**
 * Returns the bytecode compiler. Bytecode is the same on all architectures.
 *
 * @param tools those for this machine
 */
export async function bytecodeCompiler(engine: string, cacheDir: string, tools: Toolchain): Promise<string> {
  const own = {
    source: join(HOST, 'compile.c'),
    flags: [...COMMON, ...OWN, ...HARDENED, `-isystem${engine}`],
  };
  const objects = await compileAll([...engineUnits(engine, HARDENED), own], tools, cacheDir);
  const hash = createHash('sha256').update(JSON.stringify(objects.map((path) => basename(path))));
  const out = join(dirname(objects[0]!), `compiler-${hash.digest('hex').slice(0, 24)}`);
  if (!existsSync(out)) {
    const part = partOf(out);
    await run(tools.cc, ['-static', '-no-pie', ...objects, ...LIBRARIES, '-o', part]);
    renameSync(part, out);
  }
  return out;
}
