import type { Binding } from '../binding.ts';

declare const __cnikit_sys: Binding;

/** The functions that the static executable has compiled in. */
export function binding(): Binding {
  return __cnikit_sys;
}
