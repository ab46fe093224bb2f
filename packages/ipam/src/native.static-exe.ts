import type * as ofThisPackage from './native.ts';

declare const __cnikit_native: typeof ofThisPackage;

/** The functions in C that the static executable has. */
export const {
  compareWords,
  formatWords,
  hasNormalKeys,
  isIdentifier,
  parseWords,
  readWords,
  withHostBits,
  wordsBeside,
} = __cnikit_native;
