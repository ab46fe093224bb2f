/**
 * A throw-away Kubernetes on this machine, driven by a folder that holds `build.sh` (restores or builds the
 * programs) and `cluster.sh` (machines of namespaces, real kubelets and containerd, no CNI).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';

/** The default place of the folder: beside the repository. */
const BESIDE = '../shared/kubernetes';

export interface Command {
  status: number;
  stdout: string;
  stderr: string;
}

export interface Kubelab {
  up(): void;
  down(): void;
  /** kubectl as cluster administrator; throws when it fails. */
  kubectl(...argv: string[]): string;
  /** As kubectl; false when it fails. */
  tryKubectl(...argv: string[]): boolean;
  /** As kubectl, with an object on stdin. */
  apply(manifest: string): void;
  /** Runs a command on a node. */
  exec(node: string, ...argv: string[]): Command;
  /** Starts a background process on a node; its log is at {@link log}. */
  start(node: string, name: string, ...argv: string[]): void;
  stop(node: string, name: string): void;
  /** Ends a background process by a signal and starts it as before. */
  restart(node: string, name: string, signal: string): void;
  log(node: string, name: string): string;
}

/** The folder with the scripts, from CNIKIT_KUBELAB or beside the repository; undefined when there is none. */
export function findKubelab(repository: string): string | undefined {
  const folder = resolve(repository, process.env.CNIKIT_KUBELAB ?? BESIDE);
  return existsSync(`${folder}/cluster.sh`) ? folder : undefined;
}

/**
 * @param folder holds `build.sh` and `cluster.sh`
 * @param state programs, images and run state are kept here; not below /etc, /opt, /var, /usr, /root or /run
 */
export function kubelab(folder: string, state: string): Kubelab {
  mkdirSync(state, { recursive: true });
  const run = `${state}/run`;
  const env = {
    ...process.env,
    KUBELAB_BIN: `${state}/bin`,
    KUBELAB_IMAGES: `${state}/images`,
    KUBELAB_RUN: run,
    KUBELAB_NODES: '2',
    KUBELAB_DUAL: '1',
  };
  const script = (name: string, argv: readonly string[], input?: string): Command => {
    const done = spawnSync(`${folder}/${name}`, argv, {
      env,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      ...(input === undefined ? { stdio: ['ignore', 'pipe', 'pipe'] } : { input }),
    });
    if (done.error) throw done.error;
    return { status: done.status ?? -1, stdout: done.stdout, stderr: done.stderr };
  };
  const must = (name: string, argv: readonly string[], input?: string): string => {
    const done = script(name, argv, input);
    if (done.status !== 0) {
      throw new Error(`${name} ${argv.join(' ')} failed (${done.status}): ${done.stderr || done.stdout}`);
    }
    return done.stdout;
  };
  return {
    up() {
      if (!existsSync(`${state}/bin/kubelet`)) must('build.sh', ['unpack']);
      must('cluster.sh', ['up']);
    },
    down: () => void must('cluster.sh', ['down']),
    kubectl: (...argv) => must('cluster.sh', ['kubectl', ...argv]),
    tryKubectl: (...argv) => script('cluster.sh', ['kubectl', ...argv]).status === 0,
    apply: (manifest) => void must('cluster.sh', ['kubectl', 'apply', '-f', '-'], manifest),
    exec: (node, ...argv) => script('cluster.sh', ['exec', node, ...argv]),
    start: (node, name, ...argv) => void must('cluster.sh', ['start', node, name, ...argv]),
    stop: (node, name) => void must('cluster.sh', ['stop', node, name]),
    restart: (node, name, signal) => void must('cluster.sh', ['restart', node, name, signal]),
    log: (node, name) => `${run}/${node}/log/${name}.log`,
  };
}
