/** An existing cluster, reached by its kubeconfig. Scenarios that need the nodes as machines are left out there. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { Cluster } from './cluster.ts';

/**
 * @param podImage an image with the programs of busybox that the nodes can pull
 * @throws {Error} when kubectl cannot reach the cluster
 */
export function externalCluster(kubeconfig: string, podImage: string): Cluster {
  const kubectl = (argv: readonly string[], input?: string): string => {
    const done = spawnSync('kubectl', ['--kubeconfig', kubeconfig, ...argv], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      ...(input === undefined ? { stdio: ['ignore', 'pipe', 'pipe'] } : { input }),
    });
    if (done.error) {
      throw new Error(`Cannot run kubectl: ${done.error.message}`);
    }
    if (done.status === 0) {
      return done.stdout;
    }
    throw new Error(`kubectl ${argv.join(' ')} failed (${done.status}): ${done.stderr || done.stdout}`);
  };
  const version = JSON.parse(kubectl(['version', '-o', 'json'])) as { serverVersion: { minor: string } };
  const proxies = kubectl(['-n', 'kube-system', 'get', 'pods', '-o', 'name']);
  return {
    kubectl: (...argv) => kubectl(argv),
    kubectlAsync: async (...argv) =>
      (await promisify(execFile)('kubectl', ['--kubeconfig', kubeconfig, ...argv])).stdout,
    apply: (manifest) => void kubectl(['apply', '-f', '-'], manifest),
    podImage,
    minor: Number.parseInt(version.serverVersion.minor, 10),
    proxy: proxies.includes('kube-proxy') ? 'unknown' : undefined,
  };
}
