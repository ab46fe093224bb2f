import type { Clock } from './clock.ts';

/**
 * Barks when nothing was fed to it for some time while it was told to wait. It re-arms one timer
 * lazily instead of moving a timer for each chunk, so that a busy watch pays nothing for it.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #bark: () => void;
  #limitMs: number;
  #fed: number;
  #waiting = true;
  #cancel: () => void = () => {};

  constructor(clock: Clock, limitMs: number, bark: () => void) {
    this.#clock = clock;
    this.#bark = bark;
    this.#limitMs = limitMs;
    this.#fed = clock.now();
    this.#arm(limitMs);
  }

  /** From now on this much silence is too much. */
  limit(ms: number): void {
    this.#limitMs = ms;
    this.#fed = this.#clock.now();
    this.#cancel();
    this.#arm(ms);
  }

  /** A byte came; until wait() the silence is the reader's own. */
  feed(): void {
    this.#waiting = false;
  }

  /** The reader wants the next byte. */
  wait(): void {
    this.#waiting = true;
    this.#fed = this.#clock.now();
  }

  stop(): void {
    this.#cancel();
  }

  #arm(ms: number): void {
    this.#cancel = this.#clock.timer(ms, () => {
      const left = this.#waiting ? this.#fed + this.#limitMs - this.#clock.now() : this.#limitMs;
      if (left <= 0) {
        this.#bark();
      } else {
        this.#arm(left);
      }
    });
  }
}
