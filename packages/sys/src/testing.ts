/**
 * Fault injection: a `Sys` that calls a hook before each call.
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

/** Called before each call; `index` counts from 1. An error that it throws becomes the error of the call. */
export type CallHook = (index: number, name: keyof InternalSys, args: readonly unknown[]) => void;

/** Returns `sys` with a hook before every method. The steps inside a method (`readText` opens, reads, closes) count as one. */
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
