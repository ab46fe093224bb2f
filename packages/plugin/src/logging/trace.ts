import type { Sys } from '@cnikit/sys';

/** The duration of each phase of a verb, in milliseconds. */
export interface Trace {
  /** Adds the time since the last call to the phase. */
  mark: (phase: string) => void;
  /** The phases so far in order of their first call; `start` is the first. */
  phases: Readonly<Record<string, number>>;
}

/**
 * Starts a trace. The phase `start` is the process's CPU time so far, since no clock was read when the process started.
 */
export function startTrace(sys: Sys): Trace {
  const phases: Record<string, number> = { start: sys.cpuMs() };
  let last = sys.monotonicMs();
  return {
    phases,
    mark(phase) {
      const now = sys.monotonicMs();
      phases[phase] = toMicroseconds((phases[phase] ?? 0) + now - last);
      last = now;
    },
  };
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
