import type * as ofThisPackage from './native.ts';

declare const __cnikit_native: typeof ofThisPackage;

/** The functions in C that the static executable has. */
export const {
  encodeAttributes,
  findAttribute,
  answerType,
  formatMac,
  plainLength,
  readI32,
  readPlain,
  readU16,
  writeHeader,
  writeMac,
  writeMessage,
  writePlain,
  writeU16,
  writeU32,
} = __cnikit_native;
