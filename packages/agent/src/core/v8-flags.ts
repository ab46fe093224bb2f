/** Settings of V8 for a process that runs for months and is idle most of that time. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Trades speed for memory. Nearly everything allocated while listing nodes is garbage at once, and V8 would grow its
 * young generation for it. The flags must be set before that happens, and are set here because not every user passes
 * them on the command line.
 */
export function saveMemory(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--optimize-for-size');
}

/**
 * Runs a long computation that keeps most of what it allocates. V8 would collect garbage all the time in vain to keep
 * the process small.
 */
export function withRoom<T>(compute: () => T): T {
  setFlagsFromString('--no-optimize-for-size');
  try {
    return compute();
  } finally {
    setFlagsFromString('--optimize-for-size');
  }
}

/** Collects all garbage and returns memory to the system. Blocks for some 50 ms, with 100,000 pods for longer. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
