/** The cluster of `e2e/kubernetes`: real programs in namespaces of this machine. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cluster, Command, Machines } from './cluster.ts';

/** The Kubernetes releases that the programs exist for. */
export const RELEASES = { newest: { minor: 37 }, oldest: { minor: 20 } } as const;
export type Release = keyof typeof RELEASES;

export const FAMILIES = ['dual', 'ipv4', 'ipv6'] as const;
export type Family = (typeof FAMILIES)[number];

/** A command that takes longer than this has hung: compiling everything takes ten minutes on two cores. */
const MAX_COMMAND_MS = 3_600_000;

export interface Kubelab extends Cluster {
  readonly machines: Machines;
  /** Makes the programs when they do not exist yet, and starts the cluster. */
  up(): void;
  down(): void;
}

export interface KubelabOptions {
  /** The folder with cluster.sh. */
  scripts: string;
  /** Folder of programs, images and the running cluster; see {@link stateFolder}. */
  state: string;
  release: Release;
  /** Mode of kube-proxy. */
  proxy: string;
  /** Addresses of machines, pods and Services. */
  family: Family;
  /** @default 2 */
  nodes?: number;
  /** Folder on each node that containerd searches for plugins before /opt/cni/bin. */
  pluginFolder?: string;
  /** A folder with packed programs; absent: they are compiled, once. */
  dist?: string | undefined;
}

export function kubelab({
  scripts,
  state,
  release,
  proxy,
  family,
  nodes = 2,
  pluginFolder,
  dist,
}: KubelabOptions): Kubelab {
  const run = join(state, 'run');
  const env = {
    ...process.env,
    KUBELAB_KUBERNETES: release,
    KUBELAB_SCRATCH: join(state, release, 'build'),
    KUBELAB_BIN: programsFolder(state, release),
    KUBELAB_IMAGES: join(state, release, 'images'),
    KUBELAB_RUN: run,
    KUBELAB_NODES: String(nodes),
    ...(pluginFolder === undefined ? {} : { KUBELAB_CNI_FIRST: pluginFolder }),
    KUBELAB_FAMILY: family,
    KUBELAB_PROXY: proxy,
    KUBELAB_PATIENCE: '3',
    KUBELAB_DIST: dist,
  };
  const runProgram = (program: string, argv: readonly string[], input?: string): Command => {
    const done = spawnSync(program, argv, {
      env,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      timeout: MAX_COMMAND_MS,
      ...(input === undefined ? { stdio: ['ignore', 'pipe', 'pipe'] } : { input }),
    });
    if (done.error) {
      throw new Error(`Cannot run ${program} ${argv.join(' ')}: ${done.error.message}`);
    }
    return { status: done.status ?? -1, stdout: done.stdout, stderr: done.stderr };
  };
  const outputOf = (what: string, { status, stdout, stderr }: Command): string => {
    if (status === 0) {
      return stdout;
    }
    throw new Error(`${what} failed (${status}): ${(stderr || stdout).trimEnd()}`);
  };
  const script = (name: string, argv: readonly string[]) => runProgram(join(scripts, name), argv);
  const checked = (name: string, argv: readonly string[]) =>
    outputOf(`${name} ${argv.join(' ')}`, script(name, argv));
  // Does what `cluster.sh kubectl` does: the shell takes longer than kubectl, which runs a thousand times.
  const kubectlCommand = (argv: readonly string[]): [program: string, argv: string[]] => {
    const [pid = ''] = readFileSync(join(run, 'cp', 'holder'), 'utf8').split(' ');
    const kubectl = [
      join(programsFolder(state, release), 'kubectl'),
      '--kubeconfig',
      `${run}/admin.kubeconfig`,
    ];
    return [
      'nsenter',
      ['-t', pid, '-m', '-u', '-i', '-n', '-p', '--', 'env', `HOME=${run}/cp`, ...kubectl, ...argv],
    ];
  };
  const kubectl = (argv: readonly string[], input?: string) =>
    outputOf(`kubectl ${argv.join(' ')}`, runProgram(...kubectlCommand(argv), input));
  return {
    up() {
      mkdirSync(state, { recursive: true, mode: 0o700 });
      checked(`${release}/programs.sh`, []);
      checked('cluster.sh', ['up']);
    },
    down: () => void checked('cluster.sh', ['down']),
    kubectl: (...argv) => kubectl(argv),
    kubectlAsync: async (...argv) => (await promisify(execFile)(...kubectlCommand(argv))).stdout,
    apply: (manifest) => void kubectl(['apply', '-f', '-'], manifest),
    podImage: 'localhost/busybox:1',
    minor: RELEASES[release].minor,
    proxy,
    machines: {
      exec: (node, ...argv) => script('cluster.sh', ['exec', node, ...argv]),
      start: (node, name, ...argv) => void checked('cluster.sh', ['start', node, name, ...argv]),
      stop: (node, name, signal = 'TERM') => void checked('cluster.sh', ['stop', node, name, signal]),
      resume: (node, name, ...argv) => void checked('cluster.sh', ['resume', node, name, ...argv]),
      log: (node, name) => join(run, node, 'log', `${name}.log`),
      load: (archive) => void checked('cluster.sh', ['load', archive]),
    },
  };
}

export function programsFolder(state: string, release: Release): string {
  return join(state, release, 'bin');
}

/** The packed programs' folder beside the repository, as CI has it. */
const BESIDE: Record<Release, string> = {
  newest: '../shared/kubernetes-1.37/dist',
  oldest: '../shared/kubernetes/dist',
};

/**
 * Returns the folder with packed programs: CNIKIT_KUBELAB_DIST, or the one beside the repository if it exists.
 *
 * @throws {Error} when CNIKIT_KUBELAB_DIST names a folder without them
 */
export function findDist(repository: string, release: Release, env: NodeJS.ProcessEnv): string | undefined {
  const files = ['SHA256SUMS', 'kube.xz', 'parts.tar.xz', ...(release === 'newest' ? ['coredns.xz'] : [])];
  const missing = (folder: string) => files.filter((file) => !existsSync(join(folder, file)));
  const given = env.CNIKIT_KUBELAB_DIST;
  if (given !== undefined) {
    if (missing(given).length > 0) {
      throw new Error(
        `CNIKIT_KUBELAB_DIST is ${JSON.stringify(given)}, which has no ${missing(given).join(', ')}. Unset it or name a folder that ${release}/programs.sh dist made.`,
      );
    }
    return given;
  }
  const beside = join(repository, BESIDE[release]);
  return missing(beside).length === 0 ? beside : undefined;
}
