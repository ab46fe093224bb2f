/** A watch on the embedded API server, and the copy of its state that a consumer would keep. */
import type { ApiServer } from '@cnikit/apiserver-fake';
import { KubeConfig } from '@kubernetes/client-node';
import type { Change, KubeObject, WatchHooks, WatchOptions } from '../src/types.ts';
import { watch } from '../src/watch.ts';

export type Labels = Record<string, string>;

export const node = (name: string, labels: Labels = {}) => ({ metadata: { name, labels } });

export function kubeConfig(yaml: string): KubeConfig {
  const made = new KubeConfig();
  made.loadFromString(yaml);
  return made;
}

/** Hooks recorded as short lines. */
type Log = string[];

export interface Follower {
  /** Labels of each node by name, built from the changes. */
  copy: Map<string, Labels>;
  /** Log of changes and hooks. */
  log: Log;
  /** Resolves as soon as the condition holds. */
  until(condition: () => boolean): Promise<void>;
  /** Resolves when this line appears after the last one taken, and takes everything up to it. */
  seen(line: string | RegExp): Promise<void>;
  stop(): Promise<void>;
}

export function follow(server: ApiServer, options: Partial<WatchOptions<Labels>> = {}): Follower {
  const copy = new Map<string, Labels>();
  const log: Log = [];
  const waiting = new Set<() => void>();
  const note = (line: string): void => {
    log.push(line);
    for (const check of [...waiting]) {
      check();
    }
  };
  const hooks: WatchHooks = {
    onList: () => note('list'),
    onWatchStart: () => note('watch'),
    onWatchEnd: ({ reason }) => note(`end ${reason}`),
    onError: (error) => note(`error ${error.code}${error.status === undefined ? '' : ` ${error.status}`}`),
  };
  const controller = new AbortController();
  const changes = watch<Labels, KubeObject>({
    kubeConfig: kubeConfig(server.kubeconfig()),
    path: '/api/v1/nodes',
    select: ({ metadata }) => metadata.labels ?? {},
    signal: controller.signal,
    backoff: { initialMs: 5, maxMs: 40, healthyMs: 1000 },
    hooks,
    ...options,
  });
  const done = (async () => {
    let stale = false;
    let synced = false;
    for await (const change of changes) {
      check(change, copy, synced, stale);
      if (change.type === 'stale') {
        stale = true;
      }
      if (change.type === 'fresh') {
        stale = false;
      }
      if (change.type === 'synced') {
        synced = true;
      }
      apply(change, copy);
      note('name' in change ? `${change.type} ${change.name}` : change.type);
    }
  })();
  const until = (condition: () => boolean): Promise<void> =>
    Promise.race([
      new Promise<void>((resolve) => {
        const check = (): void => {
          if (!condition()) {
            return;
          }
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
      done.then(() => {
        throw new Error('The watch ended');
      }),
    ]);
  let taken = 0;
  return {
    copy,
    log,
    until,
    async seen(wanted) {
      const find = (): number =>
        log.findIndex(
          (line, at) => at >= taken && (typeof wanted === 'string' ? line === wanted : wanted.test(line)),
        );
      await until(() => find() >= 0);
      taken = find() + 1;
    },
    async stop() {
      controller.abort();
      await done;
    },
  };
}

function apply(change: Change<Labels>, copy: Map<string, Labels>): void {
  if (change.type === 'synced') {
    for (const [name, labels] of change.objects) {
      copy.set(name, labels);
    }
  } else if (change.type === 'deleted') {
    copy.delete(change.name);
  } else if (change.type === 'added' || change.type === 'modified') {
    copy.set(change.name, change.object);
  }
}

/** Asserts the invariants of the change stream. */
function check(change: Change<Labels>, copy: Map<string, Labels>, synced: boolean, stale: boolean): void {
  const fine = {
    synced: () => !synced,
    added: () => synced && !copy.has((change as { name: string }).name),
    modified: () => synced && copy.has((change as { name: string }).name),
    deleted: () => synced && copy.has((change as { name: string }).name),
    stale: () => !stale,
    fresh: () => stale && synced,
  }[change.type]();
  if (!fine) {
    throw new Error(`Out of order: ${JSON.stringify(change)}`);
  }
}

/** Returns the server's state in the form of the copy. */
export function truth(server: ApiServer): Map<string, Labels> {
  return new Map(server.nodes.list().map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
}

/** Returns whether the copy equals the server's state. */
export function same(server: ApiServer, copy: Map<string, Labels>): boolean {
  const wanted = truth(server);
  return (
    wanted.size === copy.size &&
    [...wanted].every(([name, labels]) => JSON.stringify(labels) === JSON.stringify(copy.get(name)))
  );
}
