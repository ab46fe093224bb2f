/** Follows the Pods, Namespaces and NetworkPolicies of the API. */
import type { Namespace } from '@cnikit/policy';
import { type Fields, type KubeConfigLike, type WatchOptions, watch } from '@cnikit/watch';
import type { Metrics } from '../core/metrics.ts';
import type { Collection, Enforcer } from './enforcer.ts';
import {
  namespaceFields,
  podFields,
  podReader,
  policyFields,
  readNamespace,
  readValidPolicy,
  type WatchedPolicy,
} from './objects.ts';
import type { WatchedPod } from './pod-book.ts';

/** kube-apiserver sends a bookmark about once a minute: a missing one reveals a dead connection. */
const IDLE_SECONDS = 90;
/** Longest wait for an API server that is back. */
const BACKOFF = { maxMs: 10_000 };

/** A KubeConfig, or transport, clock and randomness of a test. */
export type Server = KubeConfigLike | Pick<WatchOptions<unknown>, 'transport' | 'clock' | 'random'>;

interface Source<T> {
  path: string;
  fields: Fields;
  select: (object: unknown) => T;
  /** Takes an object, or the last known state of one that was deleted. */
  take: (key: string, object: T, exists: boolean) => undefined | Promise<void>;
}

/** A policy that the schemas have to explain. */
interface Unread {
  unread: unknown;
}

/** Passes every change to the enforcer until the signal fires. */
export async function followPolicies(
  server: Server,
  enforcer: Enforcer,
  metrics: Metrics,
  signal: AbortSignal,
): Promise<void> {
  const pods: Source<WatchedPod> = {
    path: '/api/v1/pods',
    fields: podFields,
    select: podReader(),
    take: (key, pod, exists) => void enforcer.putPod(key, exists ? pod : undefined),
  };
  const namespaces: Source<Namespace> = {
    path: '/api/v1/namespaces',
    fields: namespaceFields,
    select: readNamespace,
    take: (_, object, exists) => void enforcer.put({ type: exists ? 'put' : 'delete', object }),
  };
  const policies: Source<WatchedPolicy | Unread> = {
    path: '/apis/networking.k8s.io/v1/networkpolicies',
    fields: policyFields,
    select: (object) => readValidPolicy(object) ?? { unread: object },
    take: (key, policy, exists) =>
      'unread' in policy
        ? import('./invalid-policy.ts').then(({ readPolicy }) =>
            enforcer.putPolicy(key, readPolicy(policy.unread), exists),
          )
        : void enforcer.putPolicy(key, policy, exists),
  };
  const follow = async <T>(collection: Collection, source: Source<T>): Promise<void> => {
    const { path, fields, select, take } = source;
    const changes = watch<T, unknown>({
      ...('getCurrentCluster' in server ? { kubeConfig: server } : server),
      path,
      fields,
      select,
      signal,
      idleSeconds: IDLE_SECONDS,
      backoff: BACKOFF,
      hooks: {
        onWatchEnd: ({ reason }) =>
          reason !== 'timeout' && reason !== 'aborted' && metrics.add('watch_restarts', 1, { reason }),
      },
    });
    for await (const change of changes) {
      if (change.type === 'synced') {
        for (const [key, object] of change.objects) {
          await take(key, object, true);
        }
        enforcer.synced(collection);
      } else if (change.type === 'stale') {
        // An outage concerns the watch of Nodes too, which logs it.
        const { status, message } = change.error;
        const refused = status !== undefined && status >= 400 && status < 500;
        enforcer.refused(collection, refused ? `Cannot watch ${path}: ${message}` : undefined);
      } else if (change.type === 'fresh') {
        enforcer.refused(collection, undefined);
      } else {
        await take(change.name, change.object, change.type !== 'deleted');
      }
    }
  };
  await Promise.all([follow('namespaces', namespaces), follow('policies', policies), follow('pods', pods)]);
}
