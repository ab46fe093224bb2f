import type * as ofThisPackage from './normal-keys.ts';

declare const __cnikit_native: typeof ofThisPackage;

/** The function in C that the static executable has. */
export const { hasNormalKeys } = __cnikit_native;
