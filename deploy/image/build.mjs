// Builds the agent's image by its Dockerfile where there is no Docker: `npm run image` (root, Debian or Ubuntu).
//
// The two base images cannot be pulled everywhere, so stand-ins are made under their names: Debian by mmdebstrap, and the
// same with the pinned Node and npm. The result is an archive that `docker load` and `ctr images import` take.

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
/** The name that deploy/base asks for. */
const IMAGE = /image: (\S+)/.exec(readFileSync(join(ROOT, 'deploy/base/daemonset.yaml'), 'utf8'))?.[1] ?? '';

/** Where the archive lies after a build. */
export const ARCHIVE = join(CACHE, 'agent.tar');

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = main();
}

function main() {
  if (process.getuid?.() !== 0) {
    console.log(
      'image: skipped, buildah and mmdebstrap need root here. Run it as root, or `docker build` the Dockerfile.',
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
    look();
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

/** What is in the image, seen in its files. */
function look() {
  const container = buildah('from', IMAGE);
  const root = buildah('mount', container);
  const there = (/** @type {string} */ path) => existsSync(join(root, path));
  const missing = [
    'opt/cnikit/cnikit',
    'opt/cnikit/cnikit-agent.js',
    'usr/sbin/iptables-nft',
    'usr/sbin/iptables-legacy',
  ].filter((path) => !there(path));
  if (missing.length > 0) {
    throw new Error(`The image lacks ${missing.join(', ')}`);
  }
  const extra = ['bin/sh', 'usr/bin/apt-get', 'usr/bin/perl', 'usr/lib/node_modules'].filter(there);
  if (extra.length > 0) {
    throw new Error(`The image has ${extra.join(', ')}, which nothing in it needs`);
  }
  const { components } = JSON.parse(readFileSync(join(root, 'opt/cnikit/sbom.cdx.json'), 'utf8'));
  for (const name of ['pino', 'quickjs', 'node', 'iptables', 'libc6']) {
    if (!components.some((/** @type {{ name: string }} */ one) => one.name === name)) {
      throw new Error(`The bill of materials lacks ${name}`);
    }
  }
  console.log(`image: no shell, no package manager; its bill of materials lists ${components.length} parts`);
}

/** Makes debian:trixie-slim and gives the container it was made of, for the other to go on from. */
function debianStandIn() {
  const tarball = join(CACHE, `${SUITE}.tar`);
  if (!existsSync(tarball)) {
    run('mmdebstrap', '--quiet', '--variant=minbase', '--include=ca-certificates', SUITE, tarball);
  }
  const container = buildah('from', 'scratch');
  buildah('add', '--quiet', container, tarball, '/');
  inside(container, (root) => {
    // What this machine trusts, for the build to reach the same mirrors.
    cpSync('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/ssl/certs/ca-certificates.crt'), {
      dereference: true,
    });
  });
  buildah('commit', '--quiet', container, `docker.io/library/debian:${SUITE}-slim`);
  return container;
}

/** @param {string} container */
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
    // The registry that this machine uses.
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

/** Removes what this and an interrupted run before it left of containers and images. */
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

/** What the command prints; throws with all of it when it fails. @param {string} command @param {...string} argv */
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
