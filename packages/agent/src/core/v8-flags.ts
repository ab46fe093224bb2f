/** Settings of V8 for a process that runs for months and is idle most of that time. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Objects of one list that are worth compiled code. A smaller cluster never needs it. */
const MANY_OBJECTS = 150;

/**
 * Trades speed for memory. Nearly everything allocated while listing nodes is garbage at once, and V8 would grow its
 * young generation for it. Compilers and their code take 8 MB, and stay off until {@link ListSize} has counted many
 * objects. The flags must be set before that happens, and are set here because not every user passes them on the
 * command line.
 */
export function saveMemory(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--optimize-for-size');
  setCompilers(false);
}

/** Counts the objects of a list while it arrives, and lets V8 compile hot code for a long one. */
export class ListSize {
  #objects = 0;

  count(): void {
    this.#objects++;
    if (this.#objects === MANY_OBJECTS) {
      setCompilers(true);
    }
  }

  /** The list is complete, or an event has arrived. */
  reset(): void {
    this.#objects = 0;
  }
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

function setCompilers(on: boolean): void {
  for (const compiler of ['sparkplug', 'maglev', 'turbofan']) {
    setFlagsFromString(on ? `--${compiler}` : `--no-${compiler}`);
  }
}
