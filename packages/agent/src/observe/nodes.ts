/** Follows the Nodes of the API, and logs outages. */
import { type Change, type KubeConfigLike, type WatchOptions, watch } from '@cnikit/watch';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { NodeInfo } from '../core/model.ts';
import { type After, Timers } from '../core/timers.ts';
import { nodeFields, nodeMessage, sameNode, selectNode } from './node.ts';

export type NodeChanges = AsyncIterable<Change<NodeInfo>>;

/** kube-apiserver sends a bookmark about once a minute: a missing one reveals a dead connection. */
const IDLE_SECONDS = 90;
/**
 * In a large cluster a heartbeat arrives every few milliseconds, and waking up for one costs more than reading it. A new
 * node waits at most this long for its routes.
 */
const GATHER_MS = 50;
/** Longest wait for an API server that is back. */
const BACKOFF = { maxMs: 10_000 };

/** Position in the API's history, so that a restart never goes back. */
export interface Position {
  /** The greatest resourceVersion seen. */
  resourceVersion?: string;
}

/**
 * Watches the Nodes. `server` is a KubeConfig, or transport, clock and randomness of a simulation. `position`
 * is where to start; it is updated as changes arrive.
 */
export function watchNodes(
  server: KubeConfigLike | Pick<WatchOptions<NodeInfo>, 'transport' | 'clock' | 'random'>,
  metrics: Metrics,
  signal: AbortSignal,
  position: Position = {},
): NodeChanges {
  const moveOn = ({ resourceVersion }: Position): void => {
    if (resourceVersion !== undefined) {
      position.resourceVersion = resourceVersion;
    }
  };
  return watch<NodeInfo, unknown>({
    ...('getCurrentCluster' in server ? { kubeConfig: server } : server),
    path: '/api/v1/nodes',
    select: selectNode,
    fields: nodeFields,
    protobuf: nodeMessage,
    equal: sameNode,
    signal,
    idleSeconds: IDLE_SECONDS,
    gatherMs: GATHER_MS,
    backoff: BACKOFF,
    notOlderThan: position.resourceVersion,
    hooks: {
      onList: moveOn,
      onEvent: moveOn,
      onWatchEnd: ({ reason }) =>
        reason !== 'timeout' && reason !== 'aborted' && metrics.add('watch_restarts', 1, { reason }),
    },
  });
}

/** Consumer of node changes: the agent. */
export interface NodeConsumer {
  setNodes(nodes: Iterable<NodeInfo>): void;
  putNode(node: NodeInfo): void;
  deleteNode(name: string): void;
}

/** Passes changes to the consumer until their signal ends them. */
export async function followNodes(
  changes: NodeChanges,
  consumer: NodeConsumer,
  outage: Outage,
): Promise<void> {
  for await (const change of changes) {
    if (change.type === 'synced') {
      consumer.setNodes(change.objects.values());
    } else if (change.type === 'added' || change.type === 'modified') {
      consumer.putNode(change.object);
    } else if (change.type === 'deleted') {
      consumer.deleteNode(change.object.name);
    } else if (change.type === 'stale') {
      outage.begin(change.since, change.error);
    } else {
      outage.end();
    }
  }
}

const REMINDER_MS = { first: 60_000, max: 3_600_000 } as const;

/** Logs an outage of the API at once, then at growing intervals, and logs its end. */
export class Outage {
  readonly #log: Log;
  readonly #timers: Timers<'reminder'>;
  /** When the API last answered, ms since the epoch; undefined while it answers. */
  #since: number | undefined;

  constructor(log: Log, metrics: Metrics, after: After) {
    this.#log = log;
    this.#timers = new Timers(after);
    metrics.onScrape((now) =>
      metrics.set('api_staleness_seconds', this.#since === undefined ? 0 : (now - this.#since) / 1000),
    );
  }

  /** `since` is when the API last answered, ms since the epoch. */
  begin(since: number, error: Error): void {
    this.#since = since;
    this.#warn(since, error, REMINDER_MS.first);
  }

  end(): void {
    this.#since = undefined;
    this.#timers.stop('reminder');
    this.#log.info({}, 'The API server answers again');
  }

  close(): void {
    this.#timers.close();
  }

  #warn(since: number, error: Error, next: number): void {
    const heard = new Date(since).toISOString();
    this.#log.warn(
      { since: heard },
      `The API server does not answer (last heard ${heard}): ${error.message}. The pod network stays in place; the agent keeps trying`,
    );
    this.#timers.restart('reminder', next, () =>
      this.#warn(since, error, Math.min(next * 2, REMINDER_MS.max)),
    );
  }
}
