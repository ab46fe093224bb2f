/** The native part of @cnikit/sys: one file for glibc and musl, which holds as long as it asks for no library. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from '../../process.mjs';

const CROSS_COMPILERS = { x64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' } as const;
/** musl's C library, of the package that brings musl-gcc. Its names are the same on every architecture. */
const MUSL = `/lib/ld-musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`;
type Arch = keyof typeof CROSS_COMPILERS;
const ARCHES = Object.keys(CROSS_COMPILERS) as Arch[];

/** Builds the addons of the other architectures that there is a compiler for; those of the rest are named. */
export async function crossBuild(sys: string, env: NodeJS.ProcessEnv): Promise<{ missing: string[] }> {
  const missing: string[] = [];
  for (const arch of ARCHES.filter((one) => one !== process.arch)) {
    const compiler = CROSS_COMPILERS[arch];
    if (!env.PATH?.split(':').some((folder) => existsSync(join(folder, compiler)))) {
      missing.push(`${arch} (no ${compiler})`);
      continue;
    }
    const argv = [process.execPath, 'scripts/build-native.mjs', '--arch', arch];
    const { status, output } = await capture(argv, { cwd: sys, env });
    if (status !== 0)
      throw new Error(`Building the addon for ${arch} failed with status ${status}:\n${output}`);
  }
  return { missing };
}

/** Checks the addons of an installed @cnikit/sys; one of this architecture has to be there. */
export async function checkAddons(sys: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const libc = new Set((await symbols(MUSL, env)).defined);
  const problems: string[] = [];
  for (const arch of ARCHES) {
    const file = join(sys, 'prebuilds', `linux-${arch}`, 'cnikit_sys.node');
    if (existsSync(file)) problems.push(...(await checkAddon(file, libc, env)));
    else if (arch === process.arch) problems.push(`The tarball has no addon for ${arch}`);
  }
  return problems;
}

async function checkAddon(file: string, libc: Set<string>, env: NodeJS.ProcessEnv): Promise<string[]> {
  const dynamic = await readelf(['--dynamic', file], env);
  const libraries = dynamic.split('\n').filter((line) => line.includes('(NEEDED)'));
  const { undefined: wanted } = await symbols(file, env);
  return [
    ...libraries.map((line) => `${file} names a library: ${line.trim()}`),
    // A version stands behind an @, and only glibc has versions.
    ...wanted.filter((name) => name.includes('@')).map((name) => `${file} wants a version of ${name}`),
    ...wanted
      .filter((name) => !name.includes('@') && !name.startsWith('napi_') && !libc.has(name))
      .map((name) => `${file} wants ${name}, which musl does not have`),
  ];
}

/** The dynamic symbols of a file that it has and that it wants, with their versions. */
async function symbols(
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<{ defined: string[]; undefined: string[] }> {
  const rows = (await readelf(['--dyn-syms', file], env))
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([number = '', , , , , , , name]) => /^\d+:$/.test(number) && name !== undefined);
  const names = (isWanted: boolean) =>
    rows.filter(([, , , , , , section]) => (section === 'UND') === isWanted).map((row) => row[7] ?? '');
  return { defined: names(false), undefined: names(true) };
}

async function readelf(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const argv = ['readelf', '--wide', ...args];
  const { status, output } = await capture(argv, { env: { ...env, LC_ALL: 'C' } });
  if (status !== 0) throw new Error(`${argv.join(' ')} failed with status ${status}: ${output}`);
  return output;
}
