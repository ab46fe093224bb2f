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
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture } from '../process.mjs';

const CACHE = fileURLToPath(new URL('../../.cache/kernels', import.meta.url));
const INIT = fileURLToPath(new URL('./init.sh', import.meta.url));
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Modules of the initrd: for the host's file systems and for the console. Newer kernels have some built in. */
const FIRST_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay', 'virtio_console'];
/** Maximum age of the package lists. Fetching them again finds the newest kernel of sid. */
const LISTS_MS = 7 * 24 * 3_600_000;
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

/** This machine cannot fetch or run any such kernel: a reason to skip. */
export class MachineUnfit extends Error {}

/**
 * Returns the current kernel of a Debian release. The first call fetches it.
 *
 * @param {string} suite such as bookworm
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Kernel>}
 * @throws {MachineUnfit} when this machine has no Debian archive or cannot reach it
 */
export async function debianKernel(suite, env) {
  const apt = await archive(suite, env);
  const directory = join(CACHE, suite);
  const packages = await currentKernel(apt, env);
  const release = packages[0].replace('linux-image-', '');
  const kernel = {
    release,
    image: join(directory, release, `vmlinuz-${release}`),
    initrd: join(directory, release, 'initrd'),
    modules: join(directory, release, 'modules'),
  };
  if (!existsSync(join(directory, release))) {
    await unpack(apt, packages, join(directory, release), env);
  }
  await pack(join(directory, release), kernel, env);
  // Mark the lists as complete last: the archive may remove a listed package before it is fetched.
  const ready = readyFile(suite);
  if (!existsSync(ready)) {
    writeFileSync(ready, '');
  }
  return kernel;
}

const readyFile = (/** @type {string} */ suite) => join(CACHE, suite, 'apt', 'ready');

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
    // A package of this machine would be a newer version, which the release does not have.
    ['Dir::State::status', '/dev/null'],
    ['Dir::Cache', join(directory, 'cache')],
    ['APT::Sandbox::User', 'root'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const ready = readyFile(suite);
  const fetched = statSync(ready, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Date.now() - fetched < LISTS_MS) {
    return apt;
  }
  const format = '$(ORIGIN)|$(COMPONENT)|$(LABEL)|$(REPO_URI)|$(SIGNED_BY)';
  const targets = await ofMachine(
    must(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages'], env),
  );
  const debian = targets.split('\n').find((line) => line.startsWith('Debian|main|Debian|'));
  if (debian === undefined) {
    throw new MachineUnfit('apt on this machine has no Debian archive');
  }
  const [, , , uri, key] = debian.split('|');
  for (const dir of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(directory, dir), { recursive: true });
  }
  const signed = key?.startsWith('/') ? key : KEYRING;
  writeFileSync(join(directory, 'sources.list'), `deb [signed-by=${signed}] ${uri} ${suite} main\n`);
  rmSync(ready, { force: true });
  await ofMachine(must(['apt-get', ...apt, '-qq', 'update'], env));
  return apt;
}

/**
 * Turns a failure into a reason to skip.
 *
 * @param {Promise<string>} result
 */
async function ofMachine(result) {
  try {
    return await result;
  } catch (error) {
    throw new MachineUnfit(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Returns the packages of the kernel, the image first. Since Linux 7 the image is a package without files, and
 * its parts are linux-base-X, linux-binary-X and linux-modules-X.
 *
 * @param {readonly string[]} apt
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<[string, ...string[]]>}
 */
async function currentKernel(apt, env) {
  const depends = await must(['apt-cache', ...apt, 'depends', 'linux-image-amd64'], env);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) {
    throw new Error(`linux-image-amd64 does not depend on a kernel: ${depends}`);
  }
  const release = name.replace('linux-image-', '');
  const parts = await must(['apt-cache', ...apt, 'depends', name], env);
  return [
    name,
    ...[...parts.matchAll(/ Depends: (linux-(?:base|binary|modules)-(\S+))/g)]
      .filter(([, , version]) => version === release)
      .map(([, part = '']) => part),
  ];
}

/**
 * @param {readonly string[]} apt
 * @param {readonly [string, ...string[]]} packages
 * @param {string} to created atomically
 * @param {NodeJS.ProcessEnv} env
 */
async function unpack(apt, packages, to, env) {
  const scratch = mkdtempSync(join(dirname(to), 'unpack-'));
  try {
    await must(['apt-get', ...apt, '-qq', 'download', ...packages, 'busybox-static'], env, scratch);
    const file = (/** @type {string} */ start) =>
      join(scratch, readdirSync(scratch).find((one) => one.startsWith(start)) ?? start);
    await must(['dpkg-deb', '-x', file('busybox-static_'), join(scratch, 'busybox')], env);
    const members = [
      './boot/vmlinuz-*',
      '*/modules/*/vmlinuz',
      '*/modules/*/modules.*',
      ...KEPT.map((dir) => `*/modules/*/kernel/${dir}/*`),
    ];
    const exclude = LEFT_OUT.map((dir) => `--exclude=*/modules/*/kernel/${dir}/*`);
    const tar = ['tar', '-x', '-C', scratch, '--wildcards', ...exclude, ...members];
    for (const name of packages) {
      await extract(file(`${name}_`), tar, env);
    }
    const release = packages[0].replace('linux-image-', '');
    const made = join(scratch, 'made');
    mkdirSync(join(made, 'modules'), { recursive: true });
    const present = (/** @type {string[]} */ ...paths) => {
      const path = paths.map((each) => join(scratch, each)).find(existsSync);
      if (path === undefined) {
        throw new Error(`None of the packages ${packages.join(', ')} has ${paths.join(' or ')}`);
      }
      return path;
    };
    const modules = present(`usr/lib/modules/${release}`, `lib/modules/${release}`);
    const image = present(`boot/vmlinuz-${release}`, relative(scratch, join(modules, 'vmlinuz')));
    renameSync(image, join(made, `vmlinuz-${release}`));
    renameSync(modules, join(made, 'modules', release));
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
 * Unpacks the members that a package has. tar exits with 2 when it lacks one of them.
 *
 * @param {string} file
 * @param {readonly string[]} tar
 * @param {NodeJS.ProcessEnv} env
 */
async function extract(file, tar, env) {
  const argv = ['sh', '-c', `dpkg-deb --fsys-tarfile "$0" | "$@"`, file, ...tar];
  const { status, output } = await capture(argv, { env: { ...env, LC_ALL: 'C' } });
  const lines = output.trim().split('\n');
  const incomplete = lines.every((line) => /Not found in archive|Exiting with failure/.test(line));
  if (status !== 0 && !(status === 2 && incomplete)) {
    throw new Error(`Cannot unpack ${file}: ${output.trim()}`);
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
    const files = [...new Set([...shown.matchAll(/^insmod (\S+)/gm)].map(([, file = '']) => file))];
    // busybox loads only uncompressed modules.
    const plain = (/** @type {string} */ file) => basename(file).replace(/\.xz$/, '');
    for (const file of files) {
      const to = join(root, 'lib', plain(file));
      if (file.endsWith('.xz')) {
        await must(['sh', '-c', 'xz -dc "$0" >"$1"', file, to], env);
      } else {
        cpSync(file, to);
      }
    }
    writeFileSync(join(root, 'modules'), files.map((file) => `/lib/${plain(file)}\n`).join(''));
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
