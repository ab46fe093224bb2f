/** Checks the addon of @cnikit/sys: one file serves glibc and musl as long as it needs no library. */
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture } from '../../process.mjs';

const ARCHES = ['x64', 'arm64'];
/** musl's C library from the package of musl-gcc. Its symbols are the same on every architecture. */
const MUSL = `/lib/ld-musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`;
const MUSL_HOST = fileURLToPath(new URL('../native/musl-host.c', import.meta.url));

/** Checks the libc symbols that the addons of an installed @cnikit/sys need, and loads this machine's on musl. */
export async function checkAddons(sys: string, scratch: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const libc = new Set((await symbols(MUSL, env)).defined);
  const problems: string[] = [];
  for (const arch of ARCHES) {
    const file = fileOf(sys, arch);
    if (existsSync(file)) {
      problems.push(...(await checkAddon(file, libc, env)));
    } else {
      problems.push(`The tarball has no addon for ${arch}`);
    }
  }
  const host = join(scratch, 'musl-host');
  for (const argv of [
    ['musl-gcc', '-Wall', '-Wextra', '-Werror', '-rdynamic', '-o', host, MUSL_HOST],
    [host, fileOf(sys, process.arch)],
  ]) {
    const { status, output } = await capture(argv, { env });
    if (status !== 0) {
      return [...problems, `On musl: ${argv.join(' ')} exited with status ${status}:\n${output}`];
    }
  }
  return problems;
}

/**
 * Removes the addons of an installed @cnikit/sys and builds one with the command that its error names: without a network,
 * and once without a compiler. Leaves the package with this machine's addon only.
 */
export async function checkSourceBuild(
  sys: string,
  sandbox: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  rmSync(join(sys, 'prebuilds'), { recursive: true });
  const project = dirname(dirname(dirname(sys)));
  const call = [
    'node',
    '--input-type=module',
    '-e',
    `console.log((await import('@cnikit/sys')).sys.getpid())`,
  ];
  const build = [process.execPath, join(project, 'node_modules', '.bin', 'cnikit-sys-build')];
  const steps: { argv: string[]; PATH?: string; fails: boolean; prints: RegExp }[] = [
    { argv: call, fails: true, prints: /npx cnikit-sys-build/ },
    { argv: build, PATH: '/nonexistent', fails: true, prints: /Found no C compiler .*\n.*apt install gcc/ },
    { argv: [process.execPath, sandbox, ...build], fails: false, prints: /^Built /m },
    { argv: call, fails: false, prints: /^\d+$/m },
  ];
  for (const { argv, PATH, fails, prints } of steps) {
    const { status, output } = await capture(argv, {
      cwd: project,
      env: { ...env, ...(PATH ? { PATH } : {}) },
    });
    if ((status !== 0) !== fails || !prints.test(output)) {
      return [`Without addons, ${argv.join(' ')} exited with status ${status}:\n${output}`];
    }
  }
  return [];
}

function fileOf(sys: string, arch: string): string {
  return join(sys, 'prebuilds', `linux-${arch}`, 'cnikit_sys.node');
}

async function checkAddon(file: string, libc: Set<string>, env: NodeJS.ProcessEnv): Promise<string[]> {
  const dynamic = await readelf(['--dynamic', file], env);
  const libraries = dynamic.split('\n').filter((line) => line.includes('(NEEDED)'));
  const { undefined: wanted } = await symbols(file, env);
  return [
    ...libraries.map((line) => `${file} needs a library: ${line.trim()}`),
    // The version of a symbol follows an @. Only glibc has versions.
    ...wanted.filter((name) => name.includes('@')).map((name) => `${file} needs a version of ${name}`),
    ...wanted
      .filter((name) => !name.includes('@') && !name.startsWith('napi_') && !libc.has(name))
      .map((name) => `${file} needs ${name}, which musl lacks`),
  ];
}

/** Returns the dynamic symbols that a file defines and needs, with their versions. It does without a weak one. */
async function symbols(
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<{ defined: string[]; undefined: string[] }> {
  const rows = (await readelf(['--dyn-syms', file], env))
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([number = '', , , , , , , name]) => /^\d+:$/.test(number) && name !== undefined);
  const names = (isPart: (section: string | undefined, binding: string | undefined) => boolean) =>
    rows.filter(([, , , , binding, , section]) => isPart(section, binding)).map((row) => row[7] ?? '');
  return {
    defined: names((section) => section !== 'UND'),
    undefined: names((section, binding) => section === 'UND' && binding !== 'WEAK'),
  };
}

async function readelf(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const argv = ['readelf', '--wide', ...args];
  const { status, output } = await capture(argv, { env: { ...env, LC_ALL: 'C' } });
  if (status !== 0) {
    throw new Error(`${argv.join(' ')} failed with status ${status}: ${output}`);
  }
  return output;
}
