import type * as ofThisPackage from './digest.ts';

declare const __cnikit_native: typeof ofThisPackage;

/** The function in C that the static executable has. */
export const { digest } = __cnikit_native;
