// Fetches the kernel of a Debian release with its modules into .cache and builds an initrd. Uses the archive of this
// machine's apt and installs nothing.

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture } from '../process.mjs';

const CACHE = fileURLToPath(new URL('../../.cache/kernels', import.meta.url));
const INIT = fileURLToPath(new URL('./init.sh', import.meta.url));
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Modules of the initrd: for the host's file systems and for the console. */
const FIRST_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay', 'virtio_console'];
/** Folders of modules to unpack. Nine tenths of the package are for machines that QEMU does not emulate. */
const KEPT = ['arch', 'crypto', 'fs', 'lib', 'net', 'drivers/char', 'drivers/net', 'drivers/virtio'];
const LEFT_OUT = ['drivers/net/ethernet', 'drivers/net/wireless', 'drivers/net/usb', 'net/bluetooth'];

/**
 * @typedef {object} Kernel
 * @property {string} release as printed by `uname -r`
 * @property {string} image
 * @property {string} initrd
 * @property {string} modules the directory for /lib/modules
 */

/**
 * Returns the current kernel of a Debian release. The first call fetches it.
 *
 * @param {string} suite such as bookworm
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Kernel | string>} or the reason why it is not available
 */
export async function debianKernel(suite, env) {
  try {
    const apt = await archive(suite, env);
    const directory = join(CACHE, suite);
    const name = await currentKernel(apt, env);
    const release = name.replace('linux-image-', '');
    const kernel = {
      release,
      image: join(directory, release, `vmlinuz-${release}`),
      initrd: join(directory, release, 'initrd'),
      modules: join(directory, release, 'modules'),
    };
    if (!existsSync(join(directory, release))) {
      await unpack(apt, name, join(directory, release), env);
    }
    await pack(join(directory, release), kernel, env);
    // Mark the lists as complete last: the archive may remove a listed package before it is fetched.
    writeFileSync(join(directory, 'apt', 'ready'), '');
    return kernel;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Returns apt options that restrict it to one release, with the address and key that apt already trusts.
 *
 * @param {string} suite
 * @param {NodeJS.ProcessEnv} env
 */
async function archive(suite, env) {
  const directory = join(CACHE, suite, 'apt');
  const apt = [
    ['Dir::Etc::sourcelist', join(directory, 'sources.list')],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::State::lists', join(directory, 'lists')],
    ['Dir::Cache', join(directory, 'cache')],
    ['APT::Sandbox::User', 'root'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  if (existsSync(join(directory, 'ready'))) {
    return apt;
  }
  const format = '$(ORIGIN)|$(COMPONENT)|$(LABEL)|$(REPO_URI)|$(SIGNED_BY)';
  const targets = await must(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages'], env);
  const debian = targets.split('\n').find((line) => line.startsWith('Debian|main|Debian|'));
  if (debian === undefined) {
    throw new Error('apt on this machine has no Debian archive');
  }
  const [, , , uri, key] = debian.split('|');
  for (const dir of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(directory, dir), { recursive: true });
  }
  const signed = key?.startsWith('/') ? key : KEYRING;
  writeFileSync(join(directory, 'sources.list'), `deb [signed-by=${signed}] ${uri} ${suite} main\n`);
  await must(['apt-get', ...apt, '-qq', 'update'], env);
  return apt;
}

/**
 * @param {readonly string[]} apt
 * @param {NodeJS.ProcessEnv} env
 */
async function currentKernel(apt, env) {
  const depends = await must(['apt-cache', ...apt, 'depends', 'linux-image-amd64'], env);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) {
    throw new Error(`linux-image-amd64 does not depend on a kernel: ${depends}`);
  }
  return name;
}

/**
 * @param {readonly string[]} apt
 * @param {string} name
 * @param {string} to created atomically
 * @param {NodeJS.ProcessEnv} env
 */
async function unpack(apt, name, to, env) {
  const scratch = mkdtempSync(join(dirname(to), 'unpack-'));
  try {
    await must(['apt-get', ...apt, '-qq', 'download', name, 'busybox-static'], env, scratch);
    const file = (/** @type {string} */ start) =>
      join(scratch, readdirSync(scratch).find((one) => one.startsWith(start)) ?? start);
    await must(['dpkg-deb', '-x', file('busybox-static_'), join(scratch, 'busybox')], env);
    const members = [
      './boot/vmlinuz-*',
      '*/modules/*/modules.*',
      ...KEPT.map((dir) => `*/modules/*/kernel/${dir}/*`),
    ];
    const exclude = LEFT_OUT.map((dir) => `--exclude=*/modules/*/kernel/${dir}/*`);
    const tar = ['tar', '-x', '-C', scratch, '--wildcards', ...exclude, ...members];
    await must(['sh', '-c', `dpkg-deb --fsys-tarfile "$0" | "$@"`, file(`${name}_`), ...tar], env);
    const release = name.replace('linux-image-', '');
    const merged = existsSync(join(scratch, 'usr/lib/modules')) ? 'usr/lib' : 'lib';
    const made = join(scratch, 'made');
    mkdirSync(join(made, 'modules'), { recursive: true });
    renameSync(join(scratch, merged, 'modules', release), join(made, 'modules', release));
    renameSync(join(scratch, 'boot', `vmlinuz-${release}`), join(made, `vmlinuz-${release}`));
    const busybox = ['usr/bin', 'bin']
      .map((dir) => join(scratch, 'busybox', dir, 'busybox'))
      .find(existsSync);
    cpSync(busybox ?? 'busybox', join(made, 'busybox'));
    // depmod and modprobe look below lib/modules.
    mkdirSync(join(made, 'lib'));
    await must(['ln', '-s', '../modules', join(made, 'lib/modules')], env);
    await must(['depmod', '-b', made, release], env);
    renameSync(made, to);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Builds the initrd: the init program, its modules, and busybox.
 *
 * @param {string} directory
 * @param {Kernel} kernel
 * @param {NodeJS.ProcessEnv} env
 */
async function pack(directory, kernel, env) {
  const scratch = mkdtempSync(join(directory, 'initrd-'));
  try {
    const root = join(scratch, 'root');
    for (const dir of ['bin', 'lib']) {
      mkdirSync(join(root, dir), { recursive: true });
    }
    cpSync(join(directory, 'busybox'), join(root, 'bin/busybox'));
    cpSync(INIT, join(root, 'init'));
    for (const file of ['bin/busybox', 'init']) {
      chmodSync(join(root, file), 0o755);
    }
    const shown = await must(
      ['modprobe', '-S', kernel.release, '-d', directory, '-a', '--show-depends', ...FIRST_MODULES],
      env,
    );
    const files = [...new Set([...shown.matchAll(/^insmod (\S+)/gm)].map((match) => match[1]))];
    for (const file of files) {
      cpSync(file, join(root, 'lib', basename(file)));
    }
    writeFileSync(join(root, 'modules'), files.map((file) => `/lib/${basename(file)}\n`).join(''));
    const archive = join(scratch, 'initrd');
    await must(
      ['sh', '-c', 'find . | "$0" cpio -o -H newc >"$1" 2>/dev/null', join(directory, 'busybox'), archive],
      env,
      root,
    );
    renameSync(archive, kernel.initrd);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * @param {readonly string[]} argv
 * @param {NodeJS.ProcessEnv} env
 * @param {string} [cwd]
 */
async function must(argv, env, cwd) {
  const { status, output } = await capture(argv, { env: { ...env, LC_ALL: 'C' }, cwd });
  if (status !== 0) {
    throw new Error(`${argv[0]} failed with status ${status}: ${output.trim()}`);
  }
  return output;
}
