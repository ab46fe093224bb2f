import { checkOptions } from './check-options.ts';
import { elapsed, sleep, systemClock } from './clock.ts';
import { jsonEqual } from './equal.ts';
import { WatchError } from './errors.ts';
import type { WatchEvent } from './events.ts';
import { type Format, Formats } from './format.ts';
import { httpTransport } from './http.ts';
import { list } from './list.ts';
import { type Context, openRequest } from './open-request.ts';
import { compareResourceVersions, isNewer } from './resource-version.ts';
import { RetryDelays } from './retry-delays.ts';
import { ObjectStore } from './store.ts';
import type { Change, KubeObject, ObjectChange, WatchEnd, WatchHooks, WatchOptions } from './types.ts';
import { watchEnd } from './watch-end.ts';

/** Consecutive empty watches that count as an outage. */
const EMPTY_WATCHES = 3;

/**
 * Lists a collection, then watches it indefinitely. Failures of the server, the network or the credentials never end
 * the iteration; only the signal or leaving the loop does. See Change for the values it yields.
 *
 * The consumer sets the pace: nothing more is read while it processes a change.
 *
 * @throws {TypeError} when an option is invalid; errors thrown by `select` propagate
 */
export function watch<T = KubeObject, O = KubeObject>(
  options: WatchOptions<T, O>,
): AsyncGenerator<Change<T>, void> {
  return new Watcher(options).run();
}

class Watcher<T, O> {
  readonly #options: WatchOptions<T, O>;
  readonly #context: Context;
  readonly #hooks: WatchHooks;
  readonly #random: () => number;
  readonly #delays: RetryDelays;
  readonly #store: ObjectStore<T>;
  readonly #select: (object: unknown) => T;
  readonly #query: URLSearchParams;
  /** Lower bound of the next list. The first may come from the server's cache; later ones must not go back in time. */
  #notOlderThan: string | undefined;
  /** Start of the next watch; undefined when a list is needed first. */
  #resourceVersion: string | undefined;
  #synced = false;
  #stale = false;
  #heardAt: number;
  /** Requests the next list unpaged: the continue token of the last one expired. */
  #unpaged = false;
  #emptyWatches = 0;
  /** Events and bookmarks received in total. */
  #lines = 0;

  constructor(options: WatchOptions<T, O>) {
    checkOptions(options);
    const { kubeConfig, path, clock = systemClock } = options;
    const transport = options.transport ?? (kubeConfig === undefined ? undefined : httpTransport(kubeConfig));
    if (transport === undefined) {
      throw new TypeError('watch() needs the option kubeConfig or transport');
    }
    if (!/^\/apis?\/[^?#]+$/.test(path)) {
      throw new TypeError(
        `Invalid path ${JSON.stringify(path)}: expected a collection such as /api/v1/nodes`,
      );
    }
    this.#options = options;
    this.#hooks = options.hooks ?? {};
    this.#random = options.random ?? Math.random;
    this.#delays = new RetryDelays(options, this.#random);
    this.#store = new ObjectStore(options.equal ?? jsonEqual);
    this.#select = (options.select ?? ((object: unknown) => object)) as (object: unknown) => T;
    this.#query = new URLSearchParams();
    for (const key of ['fieldSelector', 'labelSelector'] as const) {
      if (options[key] !== undefined) {
        this.#query.set(key, options[key]);
      }
    }
    this.#heardAt = clock.now();
    this.#notOlderThan = options.notOlderThan ?? '0';
    this.#context = {
      transport,
      clock,
      signal: options.signal ?? new AbortController().signal,
      requestMs: (options.requestSeconds ?? 30) * 1000,
      formats: new Formats(options.fields, options.protobuf, options.maxObjectBytes ?? 8 * 1024 * 1024),
    };
  }

  async *run(): AsyncGenerator<Change<T>, void> {
    const { clock, signal } = this.#context;
    while (!signal.aborted) {
      let delay: number;
      try {
        if (this.#resourceVersion === undefined) {
          yield* this.#list();
        }
        delay = yield* this.#follow(this.#resourceVersion!);
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        if (!(error instanceof WatchError)) {
          throw error;
        }
        // The continue token expired; an unpaged list has none.
        if (error.code === 'EXPIRED' && this.#resourceVersion === undefined) {
          this.#unpaged = true;
          // A server restored from a backup may never reach the old version.
          if (this.#notOlderThan !== '0') {
            this.#notOlderThan = undefined;
          }
        }
        if (error.code === 'EXPIRED' || error.code === 'PROTOCOL') {
          this.#resourceVersion = undefined;
        }
        this.#context.formats.failed(error);
        delay = this.#delays.afterError(error);
        yield* this.#becomeStale(error);
      }
      if (delay > 0) {
        await sleep(clock, delay, signal);
      }
    }
  }

  async *#list(): AsyncGenerator<Change<T>, void> {
    const started = elapsed(this.#context.clock);
    const listed = await list(this.#context, {
      path: this.#options.path,
      query: this.#query,
      pageSize: this.#unpaged ? 0 : (this.#options.pageSize ?? 500),
      notOlderThan: this.#notOlderThan,
      select: this.#select,
    });
    this.#unpaged = false;
    this.#notOlderThan = undefined;
    this.#emptyWatches = 0;
    this.#heard();
    const changes = this.#store.replace(listed.entries, listed.resourceVersion);
    this.#resourceVersion = listed.resourceVersion;
    this.#hooks.onList?.({
      objects: this.#store.size,
      pages: listed.pages,
      durationMs: elapsed(this.#context.clock) - started,
      resourceVersion: listed.resourceVersion,
    });
    if (this.#synced) {
      yield* changes;
    } else {
      this.#synced = true;
      yield { type: 'synced', objects: this.#store.values() };
    }
    yield* this.#becomeFresh();
  }

  /** Runs one watch and returns the delay before the next, ms. Throws when the watch cannot be opened. */
  async *#follow(from: string): AsyncGenerator<Change<T>, number> {
    const { clock, signal } = this.#context;
    const seconds = Math.max(1, Math.round((this.#options.timeoutSeconds ?? 300) * (1 - this.#random() / 5)));
    const query = new URLSearchParams(this.#query);
    query.set('watch', 'true');
    query.set('allowWatchBookmarks', 'true');
    query.set('resourceVersion', from);
    query.set('timeoutSeconds', String(seconds));
    const { gatherMs } = this.#options;
    const { chunks, format, limit, close } = await openRequest(
      this.#context,
      `${this.#options.path}?${query}`,
      {
        gatherMs,
      },
    );
    const opened = elapsed(clock);
    const lines = this.#lines;
    this.#heard();
    let reason: WatchEnd = 'aborted';
    let failure: WatchError | undefined;
    this.#hooks.onWatchStart?.({ resourceVersion: from });
    try {
      limit((this.#options.idleSeconds ?? seconds + 10) * 1000);
      if (this.#emptyWatches < EMPTY_WATCHES) {
        yield* this.#becomeFresh();
      }
      yield* this.#read(chunks, format);
      reason = 'timeout';
    } catch (error) {
      if (signal.aborted) {
        return 0;
      }
      if (!(error instanceof WatchError)) {
        throw error;
      }
      failure = error;
      this.#context.formats.failed(error);
      reason = watchEnd(error);
      if (reason === 'expired' || reason === 'protocol') {
        this.#resourceVersion = undefined;
      }
    } finally {
      close();
      this.#hooks.onWatchEnd?.({ reason, durationMs: elapsed(clock) - opened });
    }
    const livedMs = elapsed(clock) - opened;
    const healthy = livedMs >= Math.min(this.#delays.healthyMs, seconds * 500);
    if (healthy) {
      this.#delays.healthy();
    }
    if (healthy || this.#lines > lines || reason === 'expired') {
      this.#emptyWatches = 0;
    } else {
      this.#emptyWatches += 1;
    }
    // Ended early: the server is shutting down, and all its clients notice at the same moment.
    if (healthy && failure === undefined) {
      return livedMs >= (seconds - 1) * 1000 ? 0 : this.#delays.spread();
    }
    failure ??= new WatchError('CONNECT', 'The API server ended a watch right after accepting it');
    const delay = this.#delays.afterWatch(failure, reason, healthy);
    if (this.#emptyWatches >= EMPTY_WATCHES) {
      yield* this.#becomeStale(failure);
    }
    return delay;
  }

  async *#read(chunks: AsyncIterable<Uint8Array>, format: Format): AsyncGenerator<Change<T>, void> {
    const { splitter, read } = format.watch();
    for await (const chunk of chunks) {
      for (const bytes of splitter.push(chunk)) {
        const event = read(bytes);
        // A loop instead of yield*: most events change nothing, and yield* would cost several promises each.
        if (event !== undefined) {
          for (const change of this.#take(event)) {
            yield change;
          }
        }
        if (event !== undefined && this.#stale) {
          yield* this.#becomeFresh();
        }
      }
    }
  }

  /** Returns the changes an event makes; throws the error of an ERROR event. */
  #take(event: WatchEvent): ObjectChange<T>[] {
    if (event.type === 'ERROR') {
      this.#hooks.onEvent?.({ type: event.type });
      throw event.error;
    }
    const { type, resourceVersion } = event;
    this.#hooks.onEvent?.({ type, resourceVersion });
    this.#heard();
    this.#lines += 1;
    let changes: ObjectChange<T>[] = [];
    if (type === 'BOOKMARK') {
      this.#bookmark(resourceVersion);
    } else if (type === 'DELETED') {
      changes = this.#store.delete(event.name, resourceVersion);
    } else {
      changes = this.#store.put(event.name, event, () => this.#select(event.object()));
    }
    if (isNewer(resourceVersion, this.#resourceVersion!)) {
      this.#resourceVersion = resourceVersion;
    }
    return changes;
  }

  /** Detects a bookmark older than the current version: the server was restored from a backup. */
  #bookmark(resourceVersion: string): void {
    if ((compareResourceVersions(resourceVersion, this.#resourceVersion!) ?? 0) >= 0) {
      return;
    }
    throw new WatchError(
      'PROTOCOL',
      `The API server went back from resource version ${this.#resourceVersion} to ${resourceVersion}`,
    );
  }

  #heard(): void {
    this.#delays.reached();
    this.#heardAt = this.#context.clock.now();
  }

  *#becomeStale(error: WatchError): Generator<Change<T>, void> {
    if (this.#stale) {
      return;
    }
    this.#stale = true;
    yield { type: 'stale', since: this.#heardAt, error };
  }

  *#becomeFresh(): Generator<Change<T>, void> {
    if (!this.#stale) {
      return;
    }
    this.#stale = false;
    yield { type: 'fresh' };
  }
}
