import type { BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { WatchError } from './errors.ts';
import type { Fields } from './fields.ts';
import type { Message } from './protobuf/message.ts';
import type { KubeConfigLike, Transport } from './transport.ts';

/** A Kubernetes object as JSON; only the common fields are typed. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

/**
 * A change of the collection. `name` is the object's name, or `namespace/name` for namespaced objects.
 *
 * - `synced`: the complete collection; comes once, before all object changes.
 * - `added`, `modified`, `deleted`: changes since then, including those during an outage. An object that was deleted
 *   and recreated under its name yields `deleted`, then `added`. `deleted` carries the last known state.
 * - `stale`: the API server is unreachable or refuses the request; the known state remains valid. `since` is the time of
 *   its last response, ms since the epoch. Comes once per outage, possibly before `synced`.
 * - `fresh`: follows `stale` when the state is up to date again.
 */
export type Change<T> =
  | { type: 'synced'; objects: Map<string, T> }
  | ObjectChange<T>
  | { type: 'stale'; since: number; error: WatchError }
  | { type: 'fresh' };

/** One object was added, modified or deleted; `object` is the selected value, for `deleted` the last known one. */
export type ObjectChange<T> = { type: 'added' | 'modified' | 'deleted'; name: string; object: T };

/** Reason for the end of a watch: `expired` and `protocol` lead to a new list, the others to a resumed watch. */
export type WatchEnd = 'timeout' | 'cut' | 'idle' | 'expired' | 'refused' | 'protocol' | 'aborted';

/** Hooks for metrics and logs. All are optional, called synchronously, and must not throw. */
export interface WatchHooks {
  /** Called when a list is complete. */
  onList?(list: { objects: number; pages: number; durationMs: number; resourceVersion: string }): void;
  /** Called when the server has accepted a watch. */
  onWatchStart?(start: { resourceVersion: string }): void;
  /** Called when a watch has ended. */
  onWatchEnd?(end: { reason: WatchEnd; durationMs: number }): void;
  /** Called for every event received, including those that change nothing; `ERROR` has no version. */
  onEvent?(event: {
    type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
    resourceVersion?: string;
  }): void;
  /** Called for every failure, with the number of consecutive failures and the delay before the next attempt. */
  onError?(error: WatchError, retry: { attempt: number; retryInMs: number }): void;
}

/** Options of watch(). */
export interface WatchOptions<T, O = KubeObject> {
  /** Server and credentials: client-node's KubeConfig or a compatible object. */
  kubeConfig?: KubeConfigLike;
  /** Transport to use instead of kubeConfig. */
  transport?: Transport;
  /** Path of the collection: `/api/v1/nodes`, `/apis/apps/v1/namespaces/default/deployments`. */
  path: string;
  /**
   * Selects the value to keep of each object. An error that it throws ends the iteration.
   *
   * @default the whole object
   */
  select?: (object: O) => T;
  /**
   * Fields passed to `select`. All others are skipped unparsed, and an event that changes none of them, such as most of a
   * kubelet's, costs next to nothing. `{ spec: { podCIDRs: true } }` requests all of `spec.podCIDRs`; for an array the
   * request applies to each element.
   *
   * @default the whole object
   */
  fields?: Fields;
  /**
   * The same fields as in the resource's protobuf message. With them the watch requests protobuf, where unused fields cost
   * nothing, and accepts JSON. Resources without protobuf, such as custom resources, come as JSON.
   *
   * @default JSON
   */
  protobuf?: Message;
  /**
   * Returns whether two selected values are equal; then no `modified` is yielded.
   *
   * @default comparison as JSON
   */
  equal?: (a: T, b: T) => boolean;
  fieldSelector?: string;
  labelSelector?: string;
  /** Ends the iteration. */
  signal?: AbortSignal;
  hooks?: WatchHooks;
  /**
   * Lower bound of the first list: the last resource version that an earlier run of the program saw. Without it the
   * server may answer from a lagging cache, and a restarted program may see an older state than before.
   */
  notOlderThan?: string;
  /**
   * Objects per page of a list.
   *
   * @default 500
   */
  pageSize?: number;
  /**
   * Requested duration of one watch; up to a fifth shorter at random.
   *
   * @default 300
   */
  timeoutSeconds?: number;
  /**
   * Silence after which a watch is abandoned. kube-apiserver sends a bookmark about once a minute, so 90 detects a dead
   * connection sooner than the default, which suits every server.
   *
   * @default timeoutSeconds + 10
   */
  idleSeconds?: number;
  /**
   * Time limit for the start of a response and between the chunks of a list.
   *
   * @default 30
   */
  requestSeconds?: number;
  /**
   * Time that events of a busy watch may gather in the connection before they are read, ms. Fewer wake-ups of the process
   * make each event cheaper. An event after that much silence is read at once. Has no effect through a proxy.
   *
   * @default 0
   */
  gatherMs?: number;
  backoff?: BackoffOptions;
  /**
   * Maximum size of an object, bytes (the API server's own limit is about 1.5 MiB).
   *
   * @default 8 MiB
   */
  maxObjectBytes?: number;
  clock?: Clock;
  /**
   * Source of randomness in [0, 1).
   *
   * @default Math.random
   */
  random?: () => number;
}
