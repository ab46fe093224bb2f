import type { Binding } from '../binding.ts';

declare const __cnikit_sys: Binding;

/** The functions that are compiled into the static executable. */
export const binding: Binding = __cnikit_sys;
