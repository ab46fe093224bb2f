#!/usr/bin/env node
// Builds the addon, prebuilds/linux-<arch>/cnikit_sys.node, from the C source in native/: for the published package, and
// as the command cnikit-sys-build for other systems.
//
// Linked with -nostdlib, the addon needs no library and no versioned symbol, so one file serves Node on glibc and on musl
// (native/core.h has the rules for that).
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };

const USAGE = `Usage: cnikit-sys-build [--arch ARCH[,ARCH...]] [--version]

Compiles the native part of @cnikit/sys from the C source in the package, with the C compiler that CC names, or
musl-gcc, gcc or cc; no network is needed. ARCH is an architecture of Node, by default that of
this machine; x64 or arm64 need a cross compiler on other machines.`;

const root = dirname(import.meta.dirname);
const triplets = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

process.exitCode = main();

function main() {
  const values = parse();
  if (values === undefined) {
    return 2;
  }
  if (values.help || values.version) {
    console.log(values.help ? USAGE : packageJson.version);
    return 0;
  }
  if (process.platform !== 'linux') {
    return fail(`The native part supports only Linux, not ${process.platform}`);
  }
  const arches = (values.arch ?? process.env.CNIKIT_ARCHES ?? process.arch).split(',');
  return arches.map((arch) => build(arch, values.strict === true)).find((status) => status !== 0) ?? 0;
}

/** @returns the options, or undefined after it has printed what is wrong with the arguments */
function parse() {
  try {
    return parseArgs({
      options: {
        arch: { type: 'string' },
        strict: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    fail(`${/** @type {Error} */ (error).message}\n${USAGE}`);
    return undefined;
  }
}

/**
 * @param {string} arch
 * @param {boolean} strict treat warnings as errors
 * @returns {number} the exit status
 */
function build(arch, strict) {
  if (arch !== process.arch && !Object.hasOwn(triplets, arch)) {
    return fail(`Invalid --arch "${arch}": expected x64, arm64 or the architecture of this machine`);
  }
  const candidates = compilers(arch);
  const compiler = candidates.find((one) => spawnSync(one, ['--version']).status === 0);
  if (!compiler) {
    const missing =
      arch === process.arch ? 'gcc' : `gcc-${candidates[0]?.replace(/-gcc$/, '').replace('_', '-')}`;
    return fail(`Found no C compiler for ${arch} (${candidates.join(', ')}).
Install one (on Debian: apt install ${missing}; on Alpine: apk add build-base linux-headers), or name it in CC`);
  }
  const out = join(root, 'prebuilds', `linux-${arch}`, 'cnikit_sys.node');
  mkdirSync(dirname(out), { recursive: true });
  const { status, error } = spawnSync(
    compiler,
    flags(arch, compiler, strict).concat('-o', out, ...sources()),
    {
      stdio: 'inherit',
    },
  );
  if (status !== 0) {
    return fail(`${compiler} failed: ${error?.message ?? `status ${status}`}`);
  }
  console.log(`Built ${out}`);
  return 0;
}

/** @param {string} arch */
function compilers(arch) {
  if (arch !== process.arch) {
    return [`${triplets[arch]}-gcc`];
  }
  if (process.env.CC) {
    return [process.env.CC];
  }
  return ['musl-gcc', ...(triplets[arch] ? [`${triplets[arch]}-gcc`] : []), 'gcc', 'cc'];
}

/**
 * @param {string} arch
 * @param {string} compiler
 * @param {boolean} strict
 */
function flags(arch, compiler, strict) {
  const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include');
  return [
    ...'-std=gnu11 -O2 -Wall -Wextra -shared -fPIC -nostdlib -fvisibility=hidden -fstack-protector-strong'.split(
      ' ',
    ),
    // Some distributions enable it by default; it needs functions that only glibc has.
    '-U_FORTIFY_SOURCE',
    '-Wl,-z,relro,-z,now,-z,noexecstack,-s',
    ...(strict ? ['-Werror'] : []),
    // musl-gcc hides the kernel's headers; they are searched after its own.
    ...(compiler.includes('musl')
      ? ['/usr/include', `/usr/include/${triplets[arch]}`].flatMap((folder) => ['-idirafter', folder])
      : []),
    '-I',
    headers,
  ];
}

function sources() {
  return readdirSync(join(root, 'native'))
    .filter((name) => name.endsWith('.c') && name !== 'quickjs.c')
    .map((name) => join(root, 'native', name));
}

/** @param {string} message */
function fail(message) {
  console.error(`cnikit-sys-build: ${message}`);
  return 1;
}
