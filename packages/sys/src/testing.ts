/**
 * Fault injection: a `Sys` that asks a hook before each call.
 *
 * ```ts
 * import { sys, SysError } from '@cnikit/sys';
 * import { interpose } from '@cnikit/sys/testing';
 *
 * const failing = interpose(sys, (index, name) => {
 *   if (index === 2) throw new SysError({ syscall: name, errno: 28 }); // ENOSPC
 * });
 * failing.getpid(); // call 1 goes through; call 2 would throw
 * ```
 *
 * @module
 */
import type { InternalSys } from './internal.ts';
import type { Sys } from './sys.ts';

/** Sees each call before it is made: `index` counts from 1. What it throws, the call throws. */
export type CallHook = (index: number, name: keyof InternalSys, args: readonly unknown[]) => void;

/** `sys` with a hook in front of every method. The methods' own inner steps (`readText` opens, reads, closes) count as one. */
export function interpose(sys: Sys, hook: CallHook): Sys {
  let index = 0;
  const methods = sys as unknown as Record<string, (...args: unknown[]) => unknown>;
  const wrapped: Record<string, (...args: unknown[]) => unknown> = {};
  for (const name of Object.keys(methods)) {
    const method = methods[name]!;
    wrapped[name] = (...args) => {
      hook(++index, name as keyof InternalSys, args);
      return method(...args);
    };
  }
  return wrapped as unknown as Sys;
}
