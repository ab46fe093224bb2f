import type { writeAddress as ofThisPackage } from './write-address.ts';

declare const __cnikit_write_address: typeof ofThisPackage;

/** The function in C that the static executable has. */
export const writeAddress: typeof ofThisPackage = __cnikit_write_address;
