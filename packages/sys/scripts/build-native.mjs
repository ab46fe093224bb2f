// Builds the addon: prebuilds/linux-<arch>/cnikit_sys.node.
//
//   node scripts/build-native.mjs [--arch x64|arm64] [--sanitize OUT]
//
// Linked with -nostdlib, so it names no library and its symbols carry no version: one file serves Node
// on glibc and on musl (native/core.h says what the sources do for that).
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const root = dirname(import.meta.dirname);
const { values } = parseArgs({ options: { arch: { type: 'string' } } });
const arch = values.arch ?? process.arch;
const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include');

const compilers = {
  x64: ['musl-gcc', 'x86_64-linux-gnu-gcc', 'gcc', 'cc'],
  arm64: process.arch === 'arm64' ? ['musl-gcc', 'gcc', 'cc'] : ['aarch64-linux-gnu-gcc'],
};

function installed(command) {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const wanted = process.env.CC && arch === process.arch ? [process.env.CC] : compilers[arch];
if (!wanted || process.platform !== 'linux') {
  throw new Error(`No native part exists for ${process.platform}-${arch}: it needs Linux on x64 or arm64`);
}
const compiler = wanted.find(installed);
if (!compiler)
  throw new Error(
    `Found none of the compilers for ${arch}: ${wanted.join(', ')}. On Debian: apt install gcc musl-tools`,
  );

const out = join(root, 'prebuilds', `linux-${arch}`, 'cnikit_sys.node');
mkdirSync(dirname(out), { recursive: true });
const sources = readdirSync(join(root, 'native'))
  .filter((name) => name.endsWith('.c') && name !== 'quickjs.c')
  .map((name) => join(root, 'native', name));
execFileSync(
  compiler,
  [
    '-std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -nostdlib -fvisibility=hidden -fstack-protector-strong',
    '-Wl,-z,relro,-z,now,-z,noexecstack,-s',
    // musl-gcc hides the kernel's headers; after its own they do no harm.
    compiler.includes('musl')
      ? `-idirafter /usr/include -idirafter /usr/include/${arch === 'x64' ? 'x86_64' : 'aarch64'}-linux-gnu`
      : '',
  ]
    .join(' ')
    .split(' ')
    .filter(Boolean)
    .concat('-I', headers, '-o', out, ...sources),
  { stdio: 'inherit' },
);
console.log(`Built ${out}`);
