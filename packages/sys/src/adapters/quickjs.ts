import type { Binding } from '../binding.ts';

declare const __cnikit_sys: Binding;

/** Returns the functions that are compiled into the static executable. */
export function binding(): Binding {
  return __cnikit_sys;
}
