/** The watch's view of time, replaceable in tests and simulations. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * Milliseconds since a moment that stays the same while the clock is set forward or back.
   *
   * @default now
   */
  elapsed?(): number;
  /** Calls back once after `ms`; the returned function cancels it. */
  timer(ms: number, callback: () => void): () => void;
}

/** The system time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  timer: (ms, callback) => {
    const handle = setTimeout(callback, ms);
    return () => clearTimeout(handle);
  },
};

/** Returns the time that durations are differences of, ms. */
export const elapsed = (clock: Clock): number => clock.elapsed?.() ?? clock.now();

/** Resolves after `ms`, or immediately when the signal fires. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) {
      return done();
    }
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      done();
    };
    const cancel = clock.timer(ms, finish);
    signal.addEventListener('abort', finish);
  });
}
