/**
 * Finds the upstream plugins (containernetworking/plugins) that tests and benchmarks compare with: the pinned version,
 * then Debian's package. The pinned version is unpacked from the archive beside the repository, or was compiled by
 * `npm test` on a machine with Go.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SOAK } from './vitest.soak.ts';

/** The pinned version. */
export const UPSTREAM_VERSION = '1.10.0';
const MODULE = 'github.com/containernetworking/plugins';
/** Programs to compile. The archive has more. */
const PROGRAMS = ['main/bridge', 'main/loopback', 'main/ptp', 'ipam/host-local', 'ipam/static'].concat(
  ['portmap', 'bandwidth', 'tuning', 'firewall'].map((name) => `meta/${name}`),
);

const root = fileURLToPath(new URL('.', import.meta.url));
const pinned = join(root, '.cache', `upstream-plugins-${UPSTREAM_VERSION}`);
/** Programs of a Kubernetes node of the e2e tests, with the plugins of the pinned version in the folder `cni`. */
const ARCHIVE = join(root, '../shared/kubernetes-1.37/dist/parts.tar.xz');
/** Folder of Debian's package containernetworking-plugins. */
const DEBIAN = '/usr/lib/cni';

/** A folder of upstream plugins. */
export interface UpstreamPlugins {
  dir: string;
  /** Version of the plugins, such as `1.10.0`. */
  version: string;
}

/**
 * Returns the folders of upstream plugins on this machine, the newest version first. With CNIKIT_UPSTREAM_PLUGINS, the
 * folder of plugins of any version, it returns only that one.
 *
 * @throws {Error} when CNIKIT_UPSTREAM_PLUGINS names a folder without the plugins
 */
export function upstreamPlugins(): UpstreamPlugins[] {
  const other = process.env.CNIKIT_UPSTREAM_PLUGINS;
  if (other) {
    if (!isComplete(other)) {
      throw new Error(
        `CNIKIT_UPSTREAM_PLUGINS names ${other}, which lacks bridge, host-local, portmap or tuning`,
      );
    }
    return [{ dir: other, version: statedVersion(other) }];
  }
  if (!isComplete(pinned) && existsSync(ARCHIVE)) {
    fill(pinned, (dir) => execFileSync('tar', ['-xJf', ARCHIVE, '-C', dir, '--strip-components=1', 'cni']));
  }
  return [
    ...(isComplete(pinned) ? [{ dir: pinned, version: UPSTREAM_VERSION }] : []),
    ...(isComplete(DEBIAN) ? [{ dir: DEBIAN, version: debianVersion() }] : []),
  ];
}

/**
 * Compiles the pinned version if it is missing and Go is installed. Tests compare with Debian's package if that fails.
 *
 * @returns the problem, or `undefined` if there is nothing to report
 */
export function compileUpstreamPlugins(env: NodeJS.ProcessEnv): string | undefined {
  if (isComplete(pinned) || existsSync(ARCHIVE) || spawnSync('go', ['version'], { env }).status !== 0) {
    return undefined;
  }
  const packages = PROGRAMS.map((name) => `${MODULE}/plugins/${name}@v${UPSTREAM_VERSION}`);
  const flags = `-s -w -X ${MODULE}/pkg/utils/buildversion.BuildVersion=v${UPSTREAM_VERSION}`;
  try {
    fill(pinned, (dir) =>
      execFileSync('go', ['install', '-trimpath', '-ldflags', flags, ...packages], {
        env: { ...env, CGO_ENABLED: '0', GOBIN: dir, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' },
        encoding: 'utf8',
        stdio: 'pipe',
        timeout: 600_000,
      }),
    );
    return undefined;
  } catch (error) {
    return `Cannot compile ${MODULE} ${UPSTREAM_VERSION}: ${(error as Error).message.trim()}`;
  }
}

/**
 * Returns the upstream plugins of this run for tests of all of their versions: the newest in `npm test`, the others in
 * `npm run test:soak`, or the newest again where there are no others.
 */
export function upstreamPluginsOfRun(): UpstreamPlugins[] {
  const all = upstreamPlugins();
  return SOAK && all.length > 1 ? all.slice(1) : all.slice(0, 1);
}

/** Returns the folder of containerd 2.4.2 with runc and the shim, or undefined without the archive. */
export function containerdPrograms(): string | undefined {
  const folder = join(root, '.cache', 'containerd-2.4.2');
  if (!existsSync(folder) && existsSync(ARCHIVE)) {
    const names = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc'];
    fill(folder, (dir) => execFileSync('tar', ['-xJf', ARCHIVE, '-C', dir, ...names]));
  }
  return existsSync(folder) ? folder : undefined;
}

/** Has `write` fill a folder, which is then renamed. */
function fill(folder: string, write: (dir: string) => void): void {
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}-`);
  try {
    write(work);
    renameSync(work, folder);
  } catch (error) {
    // A concurrent test was faster.
    if (!existsSync(folder)) {
      throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function isComplete(dir: string): boolean {
  return ['bridge', 'host-local', 'portmap', 'tuning'].every((name) => existsSync(join(dir, name)));
}

/** Returns the version that a plugin prints when it runs without CNI_COMMAND. */
function statedVersion(dir: string): string {
  const { stderr } = spawnSync(join(dir, 'bridge'), [], { env: {}, input: '', encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(stderr ?? '')?.[0] ?? 'unknown';
}

/** Returns the version of Debian's package. Debian's plugins do not know their version. */
function debianVersion(): string {
  const { stdout } = spawnSync('dpkg-query', ['--show', 'containernetworking-plugins'], { encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0] ?? 'unknown';
}
