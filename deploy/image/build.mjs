// Builds the agent's image from its Dockerfile without Docker: `npm run image` (root, Debian or Ubuntu).
//
// The two base images cannot be pulled everywhere, so the script builds replacements with the same names: Debian with
// mmdebstrap, and the same plus the pinned Node and npm. The result is an archive for `docker load` and
// `ctr images import`.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pinnedNode } from '../../tools/dependencies.mjs';

const SKIPPED = 77;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, '.cache', 'image');
const STORAGE = join(CACHE, 'storage');
const SUITE = 'trixie';
/** Image name in deploy/base. */
const IMAGE = /image: (\S+)/.exec(readFileSync(join(ROOT, 'deploy/base/daemonset.yaml'), 'utf8'))?.[1] ?? '';

/** Path of the archive after a build. */
export const ARCHIVE = join(CACHE, 'agent.tar');

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = main();
  } catch (error) {
    console.error(
      process.env.CNIKIT_DEBUG ? error : `image: ${error instanceof Error ? error.message : error}`,
    );
    process.exitCode = 1;
  }
}

function main() {
  if (process.getuid?.() !== 0) {
    console.log(
      'image: skipped, because buildah and mmdebstrap need root. Run it as root, or run `docker build`.',
    );
    return SKIPPED;
  }
  mkdirSync(CACHE, { recursive: true });
  clean();
  try {
    const debian = debianStandIn();
    nodeStandIn(debian);
    buildah(
      'bud',
      '--pull-never',
      '--network=host',
      '--tag',
      IMAGE,
      '-f',
      'deploy/image/Dockerfile',
      '--ignorefile',
      'deploy/image/Dockerfile.dockerignore',
      '.',
    );
    verify();
    rmSync(ARCHIVE, { force: true });
    buildah('push', IMAGE, `docker-archive:${ARCHIVE}:${IMAGE}`);
    console.log(
      `image: ${IMAGE}, ${(statSync(ARCHIVE).size / 1e6).toFixed(0)} MB, in ${ARCHIVE.slice(ROOT.length)}`,
    );
    return 0;
  } finally {
    clean();
  }
}

/** Checks the files of the image. */
function verify() {
  const container = buildah('from', IMAGE);
  const root = buildah('mount', container);
  const exists = (/** @type {string} */ path) => existsSync(join(root, path));
  const missing = [
    'opt/cnikit/cnikit',
    'opt/cnikit/cnikit-agent.js',
    'opt/cnikit/cnikit-agent-program.cjs',
    'opt/cnikit/cnikit-agent-program.cache',
    'usr/sbin/iptables-nft',
    'usr/sbin/iptables-legacy',
  ].filter((path) => !exists(path));
  if (missing.length > 0) {
    throw new Error(`The image lacks ${missing.join(', ')}`);
  }
  const extra = ['bin/sh', 'usr/bin/apt-get', 'usr/bin/perl', 'usr/lib/node_modules'].filter(exists);
  if (extra.length > 0) {
    throw new Error(`The image contains unneeded files: ${extra.join(', ')}`);
  }
  const { components } = JSON.parse(readFileSync(join(root, 'opt/cnikit/sbom.cdx.json'), 'utf8'));
  for (const name of ['pino', 'quickjs', 'node', 'iptables', 'libc6']) {
    if (!components.some((/** @type {{ name: string }} */ one) => one.name === name)) {
      throw new Error(`The bill of materials lacks ${name}`);
    }
  }
  console.log(
    `image: no shell, no package manager; the bill of materials lists ${components.length} components`,
  );
}

/** Builds debian:trixie-slim and returns its container, which the Node image continues. */
function debianStandIn() {
  const tarball = join(CACHE, `${SUITE}.tar`);
  if (!existsSync(tarball)) {
    run('mmdebstrap', '--quiet', '--variant=minbase', '--include=ca-certificates', SUITE, tarball);
  }
  const container = buildah('from', 'scratch');
  buildah('add', '--quiet', container, tarball, '/');
  inside(container, (root) => {
    // The build must trust the same mirrors as this machine.
    cpSync('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/ssl/certs/ca-certificates.crt'), {
      dereference: true,
    });
  });
  buildah('commit', '--quiet', container, `docker.io/library/debian:${SUITE}-slim`);
  return container;
}

/**
 * Builds the Node image from the container of debian:trixie-slim.
 *
 * @param {string} container
 */
function nodeStandIn(container) {
  const node = realpathSync(pinnedNode(ROOT));
  const npm = dirname(dirname(realpathSync(run('which', 'npm'))));
  inside(container, (root) => {
    const local = join(root, 'usr/local');
    cpSync(node, join(local, 'bin/node'));
    cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true });
    for (const name of ['npm', 'npx']) {
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name));
    }
    // Use the same registry as this machine.
    const config = join(run('npm', 'prefix', '--global'), 'etc/npmrc');
    if (existsSync(config)) {
      cpSync(config, join(local, 'etc/npmrc'));
    }
    run('chroot', root, 'useradd', '--create-home', 'node');
  });
  buildah('commit', '--quiet', container, `docker.io/library/node:${process.versions.node}-${SUITE}-slim`);
}

/**
 * @param {string} container
 * @param {(root: string) => void} body
 */
function inside(container, body) {
  body(buildah('mount', container));
  buildah('umount', container);
}

/** Removes containers and images of this run and of interrupted ones. */
function clean() {
  if (!existsSync(STORAGE)) {
    return;
  }
  buildah('umount', '--all');
  buildah('rm', '--all');
  buildah('rmi', '--all', '--force');
  rmSync(STORAGE, { recursive: true, force: true });
}

/** @param {...string} argv */
function buildah(...argv) {
  return run('buildah', '--root', STORAGE, '--runroot', join(STORAGE, 'run'), ...argv);
}

/**
 * Returns the command's output.
 *
 * @param {string} command @param {...string} argv
 * @throws {Error} with the end of the output when the command fails
 */
function run(command, ...argv) {
  const env = { ...process.env, STORAGE_DRIVER: 'overlay', BUILDAH_ISOLATION: 'chroot' };
  const done = spawnSync(command, argv, { cwd: ROOT, env, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (done.error) {
    throw done.error;
  }
  if (done.status === 0) {
    return done.stdout.trim();
  }
  const tail = `${done.stdout}${done.stderr}`.split('\n').slice(-40).join('\n');
  throw new Error(`${command} ${argv.join(' ')} failed with status ${done.status}:\n${tail}`);
}
