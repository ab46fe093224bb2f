/** Where time and memory go, on demand: nothing of it is loaded before somebody asks. */
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

/** The longest that a CPU profile may take, seconds. */
export const PROFILE_MOST_SECONDS = 60;

let running = false;

/**
 * The CPU use of the next `seconds`, as the JSON of a .cpuprofile, which Chrome's DevTools and speedscope open.
 * Undefined while another one runs.
 */
export async function cpuProfile(seconds: number): Promise<string | undefined> {
  if (running) {
    return undefined;
  }
  running = true;
  try {
    const { Session } = await import('node:inspector/promises');
    const session = new Session();
    session.connect();
    try {
      await session.post('Profiler.enable');
      await session.post('Profiler.start');
      await pause(seconds * 1000);
      const { profile } = await session.post('Profiler.stop');
      return JSON.stringify(profile);
    } finally {
      session.disconnect();
    }
  } finally {
    running = false;
  }
}

/** Everything on the heap, as a .heapsnapshot. The process stands still while it is taken. */
export async function heapSnapshot(): Promise<Readable> {
  const { getHeapSnapshot } = await import('node:v8');
  return getHeapSnapshot();
}
