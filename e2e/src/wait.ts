import { setTimeout as pause } from 'node:timers/promises';

const LIMIT_MS = 180_000;
const PACE_MS = 500;

/**
 * Asks until there is an answer. A real cluster tells of most things only by asking.
 *
 * @param what names what is waited for, in the error
 * @param why says how things stand, for that error
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
    await pause(PACE_MS);
  }
}
