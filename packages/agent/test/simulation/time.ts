/** Virtual time for agent and watch, advanced by the test. */
import type { Clock } from '@cnikit/watch';
import type { After } from '../../src/core/timers.ts';

/** Start of virtual time: 2026-01-01T00:00:00Z. */
const EPOCH_MS = 1_767_225_600_000;

interface Timer {
  at: number;
  body: () => void;
}

export class VirtualTime {
  /** Milliseconds since the beginning. */
  now = 0;
  /** Ascending; equal times in the order of their making. */
  readonly #timers: Timer[] = [];

  readonly after: After = (ms, body) => {
    const timer = { at: this.now + Math.max(0, ms), body };
    this.#timers.splice(this.#from(timer.at), 0, timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) {
        this.#timers.splice(at, 1);
      }
    };
  };

  /** The same time as the watch wants it. */
  readonly clock: Clock = {
    now: () => EPOCH_MS + this.now,
    timer: (ms, callback) => this.after(ms, callback),
  };

  /** RFC 3339, to the second, as the API server stamps objects. */
  stamp(): string {
    return new Date(EPOCH_MS + this.now).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  /** Runs what is due within the next `ms`, in order, each with all that follows from it at once. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    await settled();
    for (let next = this.#timers[0]; next !== undefined && next.at <= end; next = this.#timers[0]) {
      this.#timers.shift();
      this.now = next.at;
      next.body();
      await settled();
    }
    this.now = end;
  }

  #from(at: number): number {
    let [low, high] = [0, this.#timers.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#timers[middle]!.at <= at) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

/** Resolves when every promise job has run: nothing in a simulation waits for anything but virtual time. */
const settled = (): Promise<void> => new Promise((done) => setImmediate(done));
