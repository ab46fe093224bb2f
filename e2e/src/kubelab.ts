/** The cluster of `e2e/kubernetes`: real programs in namespaces of this machine. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster, Command, Machines } from './cluster.ts';

export interface Kubelab extends Cluster {
  readonly machines: Machines;
  /** Makes the programs when they are not there, and starts the cluster. */
  up(): void;
  down(): void;
}

export interface KubelabPlaces {
  /** The folder with programs.sh and cluster.sh. */
  scripts: string;
  /** Programs, images and what runs; not below /etc, /opt, /var, /usr, /root or /run. */
  state: string;
  /** A folder with the programs, made before; absent: they are compiled, once. */
  dist?: string;
}

export function kubelab({ scripts, state, dist }: KubelabPlaces): Kubelab {
  mkdirSync(state, { recursive: true });
  const run = join(state, 'run');
  const env = {
    ...process.env,
    KUBELAB_SCRATCH: join(state, 'build'),
    KUBELAB_BIN: join(state, 'bin'),
    KUBELAB_IMAGES: join(state, 'images'),
    KUBELAB_RUN: run,
    KUBELAB_NODES: '2',
    KUBELAB_DUAL: '1',
    ...(dist === undefined ? {} : { KUBELAB_DIST: dist }),
  };
  const script = (name: string, argv: readonly string[], input?: string): Command => {
    const done = spawnSync(join(scripts, name), argv, {
      env,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      ...(input === undefined ? { stdio: ['ignore', 'pipe', 'pipe'] } : { input }),
    });
    if (done.error) {
      throw done.error;
    }
    return { status: done.status ?? -1, stdout: done.stdout, stderr: done.stderr };
  };
  const must = (name: string, argv: readonly string[], input?: string): string => {
    const done = script(name, argv, input);
    if (done.status === 0) {
      return done.stdout;
    }
    throw new Error(`${name} ${argv.join(' ')} failed (${done.status}): ${done.stderr || done.stdout}`);
  };
  return {
    up() {
      must('programs.sh', []);
      must('cluster.sh', ['up']);
    },
    down: () => void must('cluster.sh', ['down']),
    kubectl: (...argv) => must('cluster.sh', ['kubectl', ...argv]),
    apply: (manifest) => void must('cluster.sh', ['kubectl', 'apply', '-f', '-'], manifest),
    podImage: 'localhost/busybox:1',
    machines: {
      exec: (node, ...argv) => script('cluster.sh', ['exec', node, ...argv]),
      start: (node, name, ...argv) => void must('cluster.sh', ['start', node, name, ...argv]),
      stop: (node, name, signal = 'TERM') => void must('cluster.sh', ['stop', node, name, signal]),
      resume: (node, name) => void must('cluster.sh', ['resume', node, name]),
      log: (node, name) => join(run, node, 'log', `${name}.log`),
      load: (archive) => void must('cluster.sh', ['load', archive]),
    },
  };
}

/** A folder with the compiled programs: CNIKIT_KUBELAB_DIST, or beside the repository, where our own CI has one. */
export function findDist(repository: string, env: NodeJS.ProcessEnv): string | undefined {
  const given = env.CNIKIT_KUBELAB_DIST;
  const folders = given === undefined ? [join(repository, '../shared/kubernetes/dist')] : [given];
  return folders.find((folder) => existsSync(join(folder, 'kube.xz')));
}
