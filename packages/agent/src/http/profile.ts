/** Takes CPU and heap profiles. Nothing is loaded before the first one. */
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

/** Maximum duration of a CPU profile in seconds. */
export const MAX_PROFILE_SECONDS = 60;

let running = false;

/**
 * Returns the CPU use of the next `seconds` as the JSON of a .cpuprofile, which Chrome's DevTools and
 * speedscope open. Returns undefined while another profile runs.
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

/** Returns the heap as a .heapsnapshot. The process is blocked while it is taken. */
export async function heapSnapshot(): Promise<Readable> {
  const { getHeapSnapshot } = await import('node:v8');
  return getHeapSnapshot();
}
