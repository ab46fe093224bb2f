import type * as ofThisPackage from './native.ts';

declare const __cnikit_native: typeof ofThisPackage;

/** The functions in C that the static executable has. */
export const { hasNormalKeys, isIdentifier, lacksKeys } = __cnikit_native;
