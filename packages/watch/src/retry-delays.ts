import { Backoff, CUT_MAX_MS, UNREACHED_MAX_MS } from './backoff.ts';
import type { WatchError } from './errors.ts';
import type { WatchEnd, WatchHooks, WatchOptions } from './types.ts';

/** Chooses the delay before each attempt, by kind of failure, and reports failures to `onError`. */
export class RetryDelays {
  readonly #hooks: WatchHooks;
  readonly #backoff: Backoff;
  /** Delays after an accepted watch was cut. */
  readonly #cuts: Backoff;
  /** Delays after failed connection attempts. */
  readonly #unreached: Backoff;

  constructor(options: Pick<WatchOptions<never>, 'backoff' | 'hooks'>, random: () => number) {
    const atMost = (limit: number): Backoff =>
      new Backoff({ ...options.backoff, maxMs: Math.min(options.backoff?.maxMs ?? limit, limit) }, random);
    this.#hooks = options.hooks ?? {};
    this.#backoff = new Backoff(options.backoff ?? {}, random);
    this.#cuts = atMost(CUT_MAX_MS);
    this.#unreached = atMost(UNREACHED_MAX_MS);
  }

  /** A watch that lasted this long, ms, is healthy. */
  get healthyMs(): number {
    return this.#backoff.healthyMs;
  }

  /** Records that the server replied. */
  reached(): void {
    this.#unreached.succeed();
  }

  /** Records a watch that lasted long enough. */
  healthy(): void {
    this.#backoff.succeed();
    this.#cuts.succeed();
  }

  /** Returns the delay after a failed request, ms. */
  afterError(error: WatchError): number {
    if (!error.unreached) {
      this.reached();
    }
    return this.#fail(error, error.unreached ? this.#unreached : this.#backoff);
  }

  /** Returns the delay after an accepted watch failed, ms. */
  afterWatch(error: WatchError, reason: WatchEnd, healthy: boolean): number {
    if (!healthy || error.retryAfterMs !== undefined) {
      return this.#fail(error, reason === 'cut' ? this.#cuts : this.#backoff);
    }
    const retryInMs = this.spread();
    this.#hooks.onError?.(error, { attempt: 0, retryInMs });
    return retryInMs;
  }

  /** Returns the delay after a healthy watch ended early, ms: all clients reconnect then. */
  spread(): number {
    return this.#backoff.spread();
  }

  #fail(error: WatchError, backoff: Backoff): number {
    const retryInMs = backoff.fail(error.retryAfterMs);
    this.#hooks.onError?.(error, { attempt: backoff.failures, retryInMs });
    return retryInMs;
  }
}
