// System packages that the project needs, and their installation on Debian and its derivatives.

import { accessSync, constants, readFileSync } from 'node:fs';
import { capture } from './process.mjs';

/**
 * @typedef {'build' | 'cross' | 'sandbox' | 'reference' | 'runtime' | 'cluster' | 'image' | 'chart' | 'kernel'} Need
 *   build: to compile the addon and the static plugin; cross: to compile them for the other architecture and run the
 *   result; sandbox: to use network namespaces; reference: plugins and tools that tests and benchmarks compare with;
 *   runtime: to run containers in tests; cluster: for a real kubelet and the scripts around it; image: to build the
 *   container image without Docker; chart: to render manifests and chart as kubectl and Helm do; kernel: to run a
 *   command on another kernel.
 */

/** Debian's names of the other architecture. */
const OTHER =
  process.arch === 'arm64'
    ? { debian: 'amd64', triplet: 'x86_64-linux-gnu', qemu: 'qemu-x86_64' }
    : { debian: 'arm64', triplet: 'aarch64-linux-gnu', qemu: 'qemu-aarch64' };

/** A command (looked up in PATH) or an absolute path, the Debian package that contains it, and its purpose. */
export const TABLE = /** @type {readonly { want: string, package: string, need: Need }[]} */ ([
  { want: 'gcc', package: 'gcc', need: 'build' },
  { want: 'musl-gcc', package: 'musl-tools', need: 'build' },
  { want: '/usr/include/linux/rtnetlink.h', package: 'linux-libc-dev', need: 'build' },
  { want: '/etc/ssl/certs/ca-certificates.crt', package: 'ca-certificates', need: 'build' },
  { want: 'tar', package: 'tar', need: 'build' },
  { want: 'xz', package: 'xz-utils', need: 'build' },
  { want: `${OTHER.triplet}-gcc`, package: `gcc-${OTHER.triplet.replace('_', '-')}`, need: 'cross' },
  {
    want: `/usr/${OTHER.triplet}/include/stdlib.h`,
    package: `libc6-dev-${OTHER.debian}-cross`,
    need: 'cross',
  },
  { want: OTHER.qemu, package: 'qemu-user', need: 'cross' },
  { want: 'ip', package: 'iproute2', need: 'sandbox' },
  { want: 'iptables', package: 'iptables', need: 'sandbox' },
  { want: 'nft', package: 'nftables', need: 'sandbox' },
  { want: 'ping', package: 'iputils-ping', need: 'sandbox' },
  { want: 'unshare', package: 'util-linux', need: 'sandbox' },
  { want: 'mount', package: 'mount', need: 'sandbox' },
  { want: '/usr/lib/cni/bridge', package: 'containernetworking-plugins', need: 'reference' },
  { want: 'ipset', package: 'ipset', need: 'reference' },
  { want: 'conntrack', package: 'conntrack', need: 'reference' },
  { want: 'containerd', package: 'containerd', need: 'runtime' },
  { want: 'runc', package: 'runc', need: 'runtime' },
  { want: 'nsenter', package: 'util-linux', need: 'runtime' },
  { want: 'socat', package: 'socat', need: 'reference' },
  { want: 'conntrack', package: 'conntrack', need: 'cluster' },
  { want: 'ethtool', package: 'ethtool', need: 'cluster' },
  { want: 'jq', package: 'jq', need: 'cluster' },
  { want: 'openssl', package: 'openssl', need: 'cluster' },
  { want: 'socat', package: 'socat', need: 'cluster' },
  { want: 'zstd', package: 'zstd', need: 'cluster' },
  { want: 'nsenter', package: 'util-linux', need: 'cluster' },
  { want: 'kubectl', package: 'kubernetes-client', need: 'chart' },
  { want: 'go', package: 'golang-go', need: 'chart' },
  {
    want: '/usr/share/gocode/src/github.com/Masterminds/sprig',
    package: 'golang-github-masterminds-sprig-dev',
    need: 'chart',
  },
  {
    want: '/usr/share/gocode/src/github.com/ghodss/yaml',
    package: 'golang-github-ghodss-yaml-dev',
    need: 'chart',
  },
  { want: 'buildah', package: 'buildah', need: 'image' },
  { want: 'mmdebstrap', package: 'mmdebstrap', need: 'image' },
  { want: 'qemu-system-x86_64', package: 'qemu-system-x86', need: 'kernel' },
  { want: 'depmod', package: 'kmod', need: 'kernel' },
  { want: 'ipvsadm', package: 'ipvsadm', need: 'kernel' },
]);

/**
 * Returns the packages of the table whose command or file is missing.
 *
 * @param {readonly Need[]} needs
 * @param {string} path the PATH to look in
 * @returns {string[]}
 */
export function missingPackages(needs, path) {
  const present = (/** @type {string} */ want) =>
    (want.startsWith('/') ? [want] : path.split(':').map((dir) => `${dir}/${want}`)).some((file) => {
      try {
        accessSync(file, want.startsWith('/') ? constants.R_OK : constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  const missing = TABLE.filter(({ want, need }) => needs.includes(need) && !present(want));
  return [...new Set(missing.map((row) => row.package))];
}

/**
 * Installs missing packages if this process has the permission, else prints the command to run.
 *
 * @param {readonly Need[]} needs
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} 0 when all packages are installed
 */
export async function ensureSystemPackages(needs, env) {
  const missing = missingPackages(needs, env.PATH ?? '');
  if (missing.length === 0) {
    return 0;
  }
  const list = missing.join(' ');
  if (!isDebianLike()) {
    console.error(`Missing system packages: ${list} (Debian's names)
Install them with this system's package manager, then start again.`);
    return 1;
  }
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (prefix.length > 0 && (await capture(['sudo', '-n', 'true'], { env })).status !== 0) {
    console.error(`Missing system packages: ${list}
Only their installation needs root. Run this, then start again:

  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${list}
`);
    return 1;
  }
  console.log(`Installing system packages: ${list}`);
  // apt does not wait for the lists of another apt, so commands of this project wait for each other.
  const apt = [...prefix, 'flock', '/var/lib/apt', 'env', 'DEBIAN_FRONTEND=noninteractive'];
  apt.push('apt-get', '-qq', '-o', 'Dpkg::Use-Pty=0', '-o', 'DPkg::Lock::Timeout=600');
  for (const argv of [
    [...apt, 'update'],
    [...apt, 'install', '-y', '--no-install-recommends', ...missing],
  ]) {
    const { status, output } = await capture(argv, { env });
    if (status !== 0) {
      console.error(`${argv.join(' ')} failed with status ${status}:\n${output}`);
      return 1;
    }
  }
  const still = missingPackages(needs, env.PATH ?? '');
  if (still.length === 0) {
    return 0;
  }
  console.error(`Installed packages lack their command or file: ${still.join(' ')}`);
  return 1;
}

function isDebianLike() {
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
