import { watch } from '@cnikit/watch';
import { type Cluster, readCluster } from '../cluster.ts';

const RESOURCES = [
  { kind: 'Namespace', path: '/api/v1/namespaces' },
  { kind: 'Node', path: '/api/v1/nodes' },
  { kind: 'Pod', path: '/api/v1/pods' },
  { kind: 'NetworkPolicy', path: '/apis/networking.k8s.io/v1/networkpolicies' },
];

/**
 * Lists the objects of the cluster that a kubeconfig names.
 *
 * @throws {Error} when @kubernetes/client-node is not installed, or the API server refuses
 */
export async function readLiveCluster(kubeconfig: string): Promise<Cluster> {
  const { KubeConfig } = await import('@kubernetes/client-node').catch((error: unknown) => {
    throw new Error('--kubeconfig needs the package @kubernetes/client-node: install it', { cause: error });
  });
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfig);
  const lists = await Promise.all(RESOURCES.map(({ kind, path }) => list(kubeConfig, kind, path)));
  return readCluster(lists.flat());
}

async function list(
  kubeConfig: Parameters<typeof watch>[0]['kubeConfig'],
  kind: string,
  path: string,
): Promise<unknown[]> {
  for await (const change of watch({ kubeConfig, path })) {
    if (change.type === 'synced') {
      // The items of a list have no kind.
      return [...change.objects.values()].map((object) => ({ ...(object as object), kind }));
    }
    if (change.type === 'stale') {
      throw change.error;
    }
  }
  return [];
}
