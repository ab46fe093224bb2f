import type * as ofThisPackage from './text.ts';

declare const __cnikit_native: typeof ofThisPackage;

/** The functions in C that the static executable has. */
export const { formatAddress, writeAddress, writePrefix } = __cnikit_native;
