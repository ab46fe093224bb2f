/** The native part of @cnikit/sys: one file for glibc and musl, which holds as long as it asks for no library. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from '../../process.mjs';

const CROSS_COMPILERS = { x64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' } as const;
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
  const problems: string[] = [];
  for (const arch of ARCHES) {
    const file = join(sys, 'prebuilds', `linux-${arch}`, 'cnikit_sys.node');
    if (existsSync(file)) problems.push(...(await checkAddon(file, env)));
    else if (arch === process.arch) problems.push(`The tarball has no addon for ${arch}`);
  }
  return problems;
}

async function checkAddon(file: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const argv = ['readelf', '--wide', '--dynamic', '--version-info', '--dyn-syms', file];
  const { status, output } = await capture(argv, { env: { ...env, LC_ALL: 'C' } });
  if (status !== 0) return [`${argv.join(' ')} failed with status ${status}: ${output}`];
  // The dynamic section names libraries; a version stands behind an @ in the table of symbols.
  const needed = output.split('\n').filter((line) => /\(NEEDED\)|\(VERNEED\)|\w@@?[A-Z]+_[\d.]+/.test(line));
  return needed.map((line) => `${file} depends on a C library: ${line.trim()}`);
}
