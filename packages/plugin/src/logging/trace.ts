import type { Sys } from '@cnikit/sys';

/** How long each phase of a verb took, in milliseconds. */
export interface Trace {
  /** Books the time since the last call on the phase. */
  mark: (phase: string) => void;
  /** The phases so far in the order they came first, `start` before all. */
  phases: Readonly<Record<string, number>>;
}

/**
 * Begins a trace. What came before is the process's start, which has to be told by the processor time that it took:
 * nobody knew then that somebody would ask.
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
