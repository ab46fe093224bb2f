import type * as ofThisPackage from './fill-message.ts';

declare const __cnikit_native: typeof ofThisPackage;

/** The function in C that the static executable has. */
export const { fillMessage } = __cnikit_native;
