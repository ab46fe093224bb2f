/** Retry delays. */
export interface BackoffOptions {
  /**
   * Upper bound of the first delay, ms.
   *
   * @default 500
   */
  initialMs?: number;
  /**
   * Upper bound of all delays except Retry-After, ms.
   *
   * @default 30_000; 1,500 after an accepted watch was cut; 1,000 after a failed connection attempt
   */
  maxMs?: number;
  /**
   * A watch that lasted this long, ms, resets the backoff.
   *
   * @default 5_000
   */
  healthyMs?: number;
}

/** Longest delay after an accepted watch was cut, ms: resuming costs the server little. */
export const CUT_MAX_MS = 1500;
/**
 * Longest delay after a failed connection attempt, ms. Such attempts cost the server nothing, and a short delay finds it
 * soon after its return. A server that is then overloaded answers 429, which is honoured.
 */
export const UNREACHED_MAX_MS = 1000;

/** Upper bound of Retry-After, ms: a server must not be able to stop a client permanently. */
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
    // All clients received the same Retry-After; the jitter keeps them from returning at once.
    return wanted > delay ? wanted + this.#random() * this.#initialMs : delay;
  }

  /** Delay before reconnecting after a healthy connection, ms: just enough to spread many clients. */
  spread(): number {
    return this.#random() * this.#initialMs;
  }
}
