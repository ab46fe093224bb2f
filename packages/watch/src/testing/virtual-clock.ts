import type { Clock } from '../clock.ts';

/** A clock that only moves when advanced. */
export interface VirtualClock extends Clock {
  /** Advances by `ms`. Timers fire in order, each after everything its predecessor triggered. */
  advance(ms: number): Promise<void>;
  /** Runs everything that is due without advancing the time. */
  settle(): Promise<void>;
  /** Sets what `now` returns, as an administrator or NTP sets a clock. Timers are due as before. */
  set(now: number): void;
  /** Milliseconds until the next timer; undefined if none is set. */
  next(): number | undefined;
}

/** Each turn of the event loop runs all pending promise jobs, which may nest. */
const TURNS = 4;

export function virtualClock(start = 0): VirtualClock {
  let now = start;
  /** Added by `set`. */
  let ahead = 0;
  let serial = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();
  const first = (): [number, { at: number; callback: () => void }] | undefined =>
    [...timers].sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < TURNS; turn += 1) {
      await new Promise((done) => setImmediate(done));
    }
  };
  return {
    now: () => now + ahead,
    elapsed: () => now,
    timer(ms, callback) {
      serial += 1;
      const id = serial;
      timers.set(id, { at: now + Math.max(0, ms), callback });
      return () => void timers.delete(id);
    },
    settle,
    set(time) {
      ahead = time - now;
    },
    next() {
      const timer = first();
      return timer === undefined ? undefined : timer[1].at - now;
    },
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (let timer = first(); timer !== undefined && timer[1].at <= end; timer = first()) {
        timers.delete(timer[0]);
        now = timer[1].at;
        timer[1].callback();
        await settle();
      }
      now = end;
    },
  };
}
