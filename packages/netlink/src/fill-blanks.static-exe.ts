import type * as ofThisPackage from './fill-blanks.ts';

declare const __cnikit_native: typeof ofThisPackage;

/** The function in C that the static executable has. */
export const { fillBlanks } = __cnikit_native;
