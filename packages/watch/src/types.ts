import type { BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { WatchError } from './errors.ts';
import type { Fields } from './fields.ts';
import type { KubeConfigLike, Transport } from './transport.ts';

/** A Kubernetes object as JSON; only what every object has is typed. */
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
 * What happened. `name` is the object's name, or `namespace/name` where it has a namespace.
 *
 * - `synced`: once, first of the object changes: everything there is.
 * - `added`, `modified`, `deleted`: what changed since, also when it changed while nobody watched.
 *   An object deleted and made again under its name is `deleted`, then `added`. `deleted` has the
 *   object as it was known last.
 * - `stale`: the API server cannot be reached or refuses; what is known stays known. `since` is when
 *   it was last heard of, ms since the epoch. May come before `synced`. Once per outage.
 * - `fresh`: after `stale`, when what is known is being kept up to date again.
 */
export type Change<T> =
  | { type: 'synced'; objects: Map<string, T> }
  | ObjectChange<T>
  | { type: 'stale'; since: number; error: WatchError }
  | { type: 'fresh' };

/** One object came, changed or went; `object` is what `select` made of it, at the end its last state. */
export type ObjectChange<T> = { type: 'added' | 'modified' | 'deleted'; name: string; object: T };

/** Why a watch ended: `expired` leads to a new list, `protocol` too, everything else to a resumption. */
export type WatchEnd = 'timeout' | 'cut' | 'idle' | 'expired' | 'refused' | 'protocol' | 'aborted';

/** For metrics and logs. All are optional; they are called synchronously and must not throw. */
export interface WatchHooks {
  /** A list is complete. */
  onList?(list: { objects: number; pages: number; durationMs: number; resourceVersion: string }): void;
  /** The server has accepted a watch. */
  onWatchStart?(start: { resourceVersion: string }): void;
  /** A watch has ended. */
  onWatchEnd?(end: { reason: WatchEnd; durationMs: number }): void;
  /** Every event as it arrives, also those that turn out to change nothing; `ERROR` has no version. */
  onEvent?(event: {
    type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
    resourceVersion?: string;
  }): void;
  /** Every failure, with how many there were in a row and when the next attempt comes. */
  onError?(error: WatchError, retry: { attempt: number; retryInMs: number }): void;
}

/** What to watch, and how patiently. */
export interface WatchOptions<T, O = KubeObject> {
  /** Where the server is and who we are: client-node's KubeConfig, or what looks like it. */
  kubeConfig?: KubeConfigLike;
  /** Instead of kubeConfig: how to reach the server. */
  transport?: Transport;
  /** Of the collection: `/api/v1/nodes`, `/apis/apps/v1/namespaces/default/deployments`. */
  path: string;
  /**
   * What to keep of each object; everything else is forgotten at once. Default: all of it.
   * An error that it throws ends the iteration.
   */
  select?: (object: O) => T;
  /**
   * The fields that `select` is given: all others are skipped unparsed, and an event that changes none of these, as most
   * of a kubelet's do, costs next to nothing. `{ spec: { podCIDRs: true } }` is `spec.podCIDRs` with all that is in it;
   * of an array the fields are those of each element. Default: the whole object.
   */
  fields?: Fields;
  /** Whether two selected values are the same, so that no `modified` is due. Default: as JSON. */
  equal?: (a: T, b: T) => boolean;
  fieldSelector?: string;
  labelSelector?: string;
  /** Ends the iteration.
   */
  signal?: AbortSignal;
  hooks?: WatchHooks;
  /**
   * Where a run of the program before this one had come to: the first list is not from before that. Without it the
   * server may answer from a cache that lags, and a program that restarts may see a state that it had left behind.
   */
  notOlderThan?: string;
  /** Objects a page of a list. Default 500. */
  pageSize?: number;
  /** How long the server should keep one watch open; up to a fifth less by chance. Default 300. */
  timeoutSeconds?: number;
  /**
   * After how much silence a watch is given up. Default: timeoutSeconds + 10, which is always right.
   * kube-apiserver sends a bookmark about once a minute, so that 90 finds a dead connection sooner.
   */
  idleSeconds?: number;
  /** How long the server may take for the beginning of an answer, and between parts of a list. Default 30. */
  requestSeconds?: number;
  backoff?: BackoffOptions;
  /** The largest object accepted, bytes. Default 8 MiB (the API server itself stops at about 1.5). */
  maxObjectBytes?: number;
  clock?: Clock;
  /** From 0 up to 1, as Math.random. */
  random?: () => number;
}
