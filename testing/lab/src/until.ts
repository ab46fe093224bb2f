import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { LabError } from './errors.ts';
import type { Namespace } from './namespace.ts';

/** Watches for a change and calls `notify` when one may have happened. Returns a function that stops watching. */
export type Wake = (notify: () => void) => () => void;

/** Interval of checks without an event, which find a change from before the watcher listened. */
const RECHECK_MS = 250;

/**
 * Waits until `check` returns a value other than undefined or false. Checks again at each event of `wakes`.
 *
 * @param what names the condition in the error, such as "the route to n2 on n1"
 * @returns the value of `check`
 * @throws {LabError} TIMEOUT after `timeoutMs`
 */
export async function until<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  { wakes = [], timeoutMs = 60_000 }: { wakes?: readonly Wake[]; timeoutMs?: number } = {},
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
        throw new LabError('TIMEOUT', `Timed out after ${timeoutMs} ms waiting for ${what}`);
      }
      if (changed) {
        continue;
      }
      await new Promise<void>((resolve) => {
        notify = resolve;
        setTimeout(resolve, Math.min(left, RECHECK_MS));
      });
    }
  } finally {
    for (const stop of stops) {
      stop();
    }
  }
}

/** Wakes at each change of the given kinds (`route`, `link`, `address`, `neigh`) in a namespace: `ip monitor`. */
export function kernelEvents(namespace: Namespace, kinds: readonly string[]): Wake {
  return (notify) => {
    const [file = '', ...args] = namespace.argv(['ip', 'monitor', ...kinds]);
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    child.on('error', () => undefined);
    child.stdout.on('data', notify);
    return () => void child.kill();
  };
}

/** Wakes when a file in an existing directory is created, removed or changed. */
export function fileEvents(directory: string): Wake {
  return (notify) => {
    const watcher = watch(directory, notify);
    watcher.on('error', () => undefined);
    return () => watcher.close();
  };
}

/** Wakes when a process exits. */
export function exitOf(child: ChildProcess): Wake {
  return (notify) => {
    child.once('exit', notify);
    return () => void child.off('exit', notify);
  };
}
