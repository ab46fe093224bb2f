/** Any cluster by its kubeconfig: what needs the nodes themselves is left out there. */
import { spawnSync } from 'node:child_process';
import type { Cluster } from './cluster.ts';

/** @param podImage what the nodes can pull and has busybox's programs */
export function somebodysCluster(kubeconfig: string, podImage: string): Cluster {
  const kubectl = (argv: readonly string[], input?: string): string => {
    const done = spawnSync('kubectl', ['--kubeconfig', kubeconfig, ...argv], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      ...(input === undefined ? { stdio: ['ignore', 'pipe', 'pipe'] } : { input }),
    });
    if (done.error) {
      throw done.error;
    }
    if (done.status === 0) {
      return done.stdout;
    }
    throw new Error(`kubectl ${argv.join(' ')} failed (${done.status}): ${done.stderr || done.stdout}`);
  };
  return {
    kubectl: (...argv) => kubectl(argv),
    apply: (manifest) => void kubectl(['apply', '-f', '-'], manifest),
    podImage,
  };
}
