import { type Clock, elapsed } from './clock.ts';

/**
 * Calls `onTimeout` when the reader has waited for the next byte longer than the limit. It re-arms one timer lazily
 * instead of moving it for each chunk, so a busy watch pays nothing for it.
 */
export class IdleTimer {
  readonly #clock: Clock;
  readonly #onTimeout: () => void;
  #limitMs: number;
  #resumedAt: number;
  #waiting = true;
  #cancel: () => void = () => {};

  constructor(clock: Clock, limitMs: number, onTimeout: () => void) {
    this.#clock = clock;
    this.#onTimeout = onTimeout;
    this.#limitMs = limitMs;
    this.#resumedAt = elapsed(clock);
    this.#arm(limitMs);
  }

  /** Sets a new limit and restarts the timer. */
  limit(ms: number): void {
    this.#limitMs = ms;
    this.#resumedAt = elapsed(this.#clock);
    this.#cancel();
    this.#arm(ms);
  }

  /** Stops the clock while the reader processes a chunk. */
  pause(): void {
    this.#waiting = false;
  }

  /** Restarts the clock: the reader waits for the next chunk. */
  resume(): void {
    this.#waiting = true;
    this.#resumedAt = elapsed(this.#clock);
  }

  stop(): void {
    this.#cancel();
  }

  #arm(ms: number): void {
    this.#cancel = this.#clock.timer(ms, () => {
      const left = this.#waiting ? this.#resumedAt + this.#limitMs - elapsed(this.#clock) : this.#limitMs;
      if (left <= 0) {
        this.#onTimeout();
      } else {
        this.#arm(left);
      }
    });
  }
}
