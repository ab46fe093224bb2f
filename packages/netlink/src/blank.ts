/** A blank is a place of a template's payload for a value: {@link BLANK_NUMBERS} numbers. */

/* Kinds of values, the same as in the static executable's `templates.c`. */
export const NUMBER = 0;
export const BIT = 1;
export const MAC = 2;
export const ADDRESS = 3;
export const PREFIX = 4;
export const TEXT = 5;
/** The modified EUI-64 of a MAC address (RFC 4291, appendix A). */
export const EUI64 = 6;
/** The broadcast address of the prefix in the place before. */
export const BROADCAST = 7;

/** Kind, size in bytes or mask of a bit, position, position of a second place (0 = none). */
export const BLANK_NUMBERS = 4;
