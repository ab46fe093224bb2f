/** Releases leaks that have lasted for a grace period, while a container runtime runs. */

import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { type After, Timers } from '../core/timers.ts';
import { describeLeak, type Leak } from './find.ts';

export interface CollectorDeps {
  /** Returns the present leaks. */
  scan: () => Leak[];
  /** Releases a leak. */
  release: (leak: Leak) => Promise<void>;
  /** Returns whether a container runtime runs. A runtime that is down may still clean up when it is back. */
  runtimeUp: () => boolean;
  log: Log;
  metrics: Metrics;
  after: After;
  /** Clock in milliseconds; only differences matter. */
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
  /** When each leak was first seen. */
  readonly #since = new Map<string, number>();
  /** Leaks that were counted and logged. */
  readonly #reported = new Set<string>();

  constructor(deps: CollectorDeps, options: CollectorOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#timers = new Timers(deps.after);
  }

  /** Looks for leaks now and at each interval. */
  start(): void {
    void this.look().finally(() => this.#timers.start('next', this.#options.intervalMs, () => this.start()));
  }

  close(): void {
    this.#timers.close();
  }

  /** Looks for leaks once. Never rejects. */
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
      log.warn({}, `Could not scan for leaked addresses and links: ${(error as Error).message}`);
    }
  }

  /** Returns the leaks older than the grace period, and forgets those that ended. */
  #due(leaks: readonly Leak[]): Leak[] {
    const now = this.#deps.now();
    const keys = new Set(leaks.map(({ key }) => key));
    for (const key of this.#since.keys()) {
      if (!keys.has(key)) {
        this.#since.delete(key);
      }
    }
    for (const key of this.#reported) {
      if (!keys.has(key)) {
        this.#reported.delete(key);
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
    if (!this.#reported.has(key)) {
      metrics.add('leaks_found', 1, { kind });
      if (kind === 'unreserved') {
        log.warn({ leak: kind }, `Not released: ${text}. Delete the pod so that it is recreated`);
      }
    }
    const first = !this.#reported.has(key);
    this.#reported.add(key);
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
        log.warn({ leak: kind }, `Cannot release ${text}: ${(error as Error).message}`);
      }
    }
  }
}
