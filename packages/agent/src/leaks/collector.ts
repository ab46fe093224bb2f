/** Releases what pods left over, once it has been so for a grace period and while a container runtime is there. */

import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { type After, Timers } from '../core/timers.ts';
import { describeLeak, type Leak } from './find.ts';

export interface CollectorDeps {
  /** What is left over now. */
  scan: () => Leak[];
  /** Removes it. */
  release: (leak: Leak) => Promise<void>;
  /** False while a runtime is down: what it will still clean up itself is not ours to judge. */
  runtimeUp: () => boolean;
  log: Log;
  metrics: Metrics;
  after: After;
  /** Milliseconds; only differences matter. */
  now: () => number;
}

export interface CollectorOptions {
  graceMs: number;
  intervalMs: number;
}

export class LeakCollector {
  readonly #deps: CollectorDeps;
  readonly #options: CollectorOptions;
  readonly #timers: Timers<'next'>;
  /** When each was seen first. */
  readonly #since = new Map<string, number>();
  /** Those that were counted and told. */
  readonly #told = new Set<string>();

  constructor(deps: CollectorDeps, options: CollectorOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#timers = new Timers(deps.after);
  }

  /** Looks now and then again and again. */
  start(): void {
    void this.look().finally(() => this.#timers.start('next', this.#options.intervalMs, () => this.start()));
  }

  close(): void {
    this.#timers.close();
  }

  /** One look. Never rejects. */
  async look(): Promise<void> {
    const { metrics, log, runtimeUp } = this.#deps;
    try {
      const up = runtimeUp();
      metrics.set('leak_collector_active', up ? 1 : 0);
      if (!up) {
        this.#since.clear();
        return;
      }
      for (const leak of this.#due(this.#deps.scan())) {
        await this.#handle(leak);
      }
    } catch (error) {
      log.warn({}, `What pods left over could not be looked for: ${(error as Error).message}`);
    }
  }

  /** Those that have been there for the grace period; forgets those that went. */
  #due(leaks: readonly Leak[]): Leak[] {
    const now = this.#deps.now();
    const keys = new Set(leaks.map(({ key }) => key));
    for (const key of this.#since.keys()) {
      if (!keys.has(key)) {
        this.#since.delete(key);
      }
    }
    for (const key of this.#told) {
      if (!keys.has(key)) {
        this.#told.delete(key);
      }
    }
    return leaks.filter(({ key }) => {
      const since = this.#since.get(key) ?? now;
      this.#since.set(key, since);
      return now - since >= this.#options.graceMs;
    });
  }

  async #handle(leak: Leak): Promise<void> {
    const { metrics, log, release } = this.#deps;
    const { kind, key } = leak;
    const text = describeLeak(leak);
    if (!this.#told.has(key)) {
      metrics.add('leaks_found', 1, { kind });
      if (kind === 'unreserved') {
        log.warn({ leak: kind }, `Left alone: ${text}. Delete the pod to have it made anew`);
      }
    }
    const first = !this.#told.has(key);
    this.#told.add(key);
    if (kind === 'unreserved') {
      return;
    }
    try {
      await release(leak);
      metrics.add('leaks_released', 1, { kind });
      log.info({ change: 'leak' }, `- ${text}`);
    } catch (error) {
      metrics.add('leak_failures', 1, { kind });
      if (first) {
        log.warn({ leak: kind }, `Could not be released: ${text}: ${(error as Error).message}`);
      }
    }
  }
}
