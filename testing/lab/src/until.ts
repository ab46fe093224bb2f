import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { LabError } from './errors.ts';
import type { Place } from './place.ts';

/** Begins to watch for something; calls `notify` whenever it may have changed; returns how to stop. */
export type Wake = (notify: () => void) => () => void;

/** An event that came before its watcher was listening is found by looking again after this time. */
const SECOND_LOOK_MS = 250;

/**
 * Waits until `check` returns something other than undefined or false, looking again at each event of `wakes`.
 *
 * @param what for the error, such as "the route to n2 on n1"
 * @returns what `check` returned
 * @throws LabError TIMEOUT after `timeoutMs`
 */
export async function until<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  { wakes = [], timeoutMs = 20_000 }: { wakes?: readonly Wake[]; timeoutMs?: number } = {},
): Promise<T> {
  let notify = () => {};
  let changed = true;
  const stops = wakes.map((wake) =>
    wake(() => {
      changed = true;
      notify();
    }),
  );
  const deadline = performance.now() + timeoutMs;
  try {
    for (;;) {
      changed = false;
      const value = await check();
      if (value !== undefined && value !== false) {
        return value;
      }
      const left = deadline - performance.now();
      if (left <= 0) {
        throw new LabError('TIMEOUT', `Waited ${timeoutMs} ms in vain for ${what}`);
      }
      if (changed) {
        continue;
      }
      await new Promise<void>((resolve) => {
        notify = resolve;
        setTimeout(resolve, Math.min(left, SECOND_LOOK_MS));
      });
    }
  } finally {
    for (const stop of stops) {
      stop();
    }
  }
}

/** Wakes at each change of the given kinds (`route`, `link`, `address`, `neigh`) in a place: `ip monitor`. */
export function kernelEvents(place: Place, kinds: readonly string[]): Wake {
  return (notify) => {
    const [file = '', ...args] = place.argv(['ip', 'monitor', ...kinds]);
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    child.on('error', () => undefined);
    child.stdout.on('data', notify);
    return () => void child.kill();
  };
}

/** Wakes when a file appears in, goes from or changes in a directory, which must exist. */
export function fileEvents(directory: string): Wake {
  return (notify) => {
    const watcher = watch(directory, notify);
    watcher.on('error', () => undefined);
    return () => watcher.close();
  };
}

/** Wakes when a process ends. */
export function exitOf(child: ChildProcess): Wake {
  return (notify) => {
    child.once('exit', notify);
    return () => void child.off('exit', notify);
  };
}
