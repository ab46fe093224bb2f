/** When to try again. */
export interface BackoffOptions {
  /** The first delay is up to this, ms. Default 500. */
  initialMs?: number;
  /**
   * No delay is longer, ms, but for Retry-After. Default 30,000; 1,500 after a watch that was accepted and then cut; 1,000
   * after an attempt that reached nobody.
   */
  maxMs?: number;
  /** A watch that lived this long, ms, was well: the next delay starts from the beginning. Default 5,000. */
  healthyMs?: number;
}

/** The longest pause after watches that were accepted and then cut, ms: to resume one costs the server little. */
export const CUT_MAX_MS = 1500;
/**
 * The longest pause after attempts that reached nobody, ms: they cost no server anything, and however long it was away,
 * it is heard of soon after its return. One that then has too much to do says so by 429, which is obeyed.
 */
export const UNREACHED_MAX_MS = 1000;

/** Retry-After is obeyed up to this, ms: a server must not be able to stop a client for good. */
const RETRY_AFTER_LIMIT_MS = 300_000;

/** Exponential backoff with jitter: each delay is between half and all of its step. */
export class Backoff {
  readonly healthyMs: number;
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(options: BackoffOptions, random: () => number) {
    this.#initialMs = options.initialMs ?? 500;
    this.#maxMs = options.maxMs ?? 30_000;
    this.healthyMs = options.healthyMs ?? 5_000;
    this.#random = random;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  succeed(): void {
    this.#failures = 0;
  }

  /** The delay after one more failure, ms. */
  fail(retryAfterMs = 0): number {
    const step = Math.min(this.#maxMs, this.#initialMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    const delay = step * (0.5 + this.#random() / 2);
    const wanted = Math.min(retryAfterMs, RETRY_AFTER_LIMIT_MS);
    // Everybody was told the same Retry-After: do not all come back in the same instant.
    return wanted > delay ? wanted + this.#random() * this.#initialMs : delay;
  }

  /** The delay before reconnecting after a connection that was well, ms: only enough to spread a crowd. */
  spread(): number {
    return this.#random() * this.#initialMs;
  }
}
