import { type Fields, httpTransport, type KubeConfigLike, WatchError, watch } from '@cnikit/watch';
import { type Cluster, readCluster } from '../cluster.ts';

/** A kind that policies depend on: the path of its list, and the fields to read. */
export interface PolicyResource {
  kind: 'Namespace' | 'Node' | 'Pod' | 'NetworkPolicy';
  path: string;
  fields: Fields;
}

const name = { name: true, labels: true } as const;
const namespaced = { ...name, namespace: true } as const;
const ports = { ports: { name: true, containerPort: true, protocol: true } } as const;

/** The kinds that policies depend on. Most of a Pod is skipped unparsed. */
export const POLICY_RESOURCES: readonly PolicyResource[] = [
  { kind: 'Namespace', path: '/api/v1/namespaces', fields: { metadata: name } },
  { kind: 'Node', path: '/api/v1/nodes', fields: { metadata: name, status: { addresses: true } } },
  {
    kind: 'Pod',
    path: '/api/v1/pods',
    fields: {
      metadata: { ...namespaced, creationTimestamp: true },
      spec: {
        nodeName: true,
        hostNetwork: true,
        containers: ports,
        initContainers: { ...ports, restartPolicy: true },
      },
      status: { phase: true, podIP: true, podIPs: true, hostIP: true, hostIPs: true },
    },
  },
  {
    kind: 'NetworkPolicy',
    path: '/apis/networking.k8s.io/v1/networkpolicies',
    fields: { metadata: namespaced, spec: true },
  },
];

/** Options of {@link readLiveCluster}. */
export interface LiveOptions {
  /** Time limit for all lists. */
  timeoutMs: number;
  userAgent?: string | undefined;
}

/**
 * Reads the Namespaces, Nodes, Pods and NetworkPolicies of a cluster, once.
 *
 * @throws {WatchError} when the API server refuses a list or does not answer within the time limit
 * @throws {InvalidObjectError} when an object has a field that is not known
 */
export async function readLiveCluster(kubeConfig: KubeConfigLike, options: LiveOptions): Promise<Cluster> {
  return readCluster(await listObjects(kubeConfig, options));
}

/**
 * Lists the same objects unchecked, for `readObject()`.
 *
 * @throws {WatchError} when the API server refuses a list or does not answer within the time limit
 */
export async function listObjects(
  kubeConfig: KubeConfigLike,
  { timeoutMs, userAgent }: LiveOptions,
): Promise<unknown[]> {
  const transport = httpTransport(kubeConfig, userAgent);
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(timeoutMs)]);
  const list = async ({ kind, path, fields }: PolicyResource): Promise<unknown[]> => {
    for await (const change of watch({ transport, path, fields, signal })) {
      if (change.type === 'synced') {
        // The items of a list have no kind.
        return [...change.objects.values()].map((object) => ({ ...(object as object), kind }));
      }
      if (change.type === 'stale') {
        change.error.message = `Cannot list ${path}: ${change.error.message}`;
        throw change.error;
      }
    }
    throw new WatchError('IDLE', `Cannot list ${path}: no answer within ${timeoutMs / 1000} s`);
  };
  try {
    return (await Promise.all(POLICY_RESOURCES.map(list))).flat();
  } finally {
    ended.abort();
  }
}
