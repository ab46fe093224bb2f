import { setTimeout as pause } from 'node:timers/promises';

/** Generous: the cluster shares the machine with other work. */
const LIMIT_MS = 300_000;
const INTERVAL_MS = 500;

/**
 * Calls `ask` until it returns a value.
 *
 * @param what the expected state, for the error
 * @param why returns the actual state, for the error
 * @throws {Error} when the limit has passed
 */
export async function waitFor<T>(what: string, ask: () => T | undefined, why?: () => string): Promise<T> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const answer = ask();
    if (answer !== undefined) {
      return answer;
    }
    if (Date.now() > end) {
      throw new Error(`Waited ${LIMIT_MS / 1000} s for ${what}${why ? `\n${why()}` : ''}`);
    }
    await pause(INTERVAL_MS);
  }
}
