import type { KeyTable } from './fields.ts';

export { compareWords, formatWords, parseWords, readWords, withHostBits, wordsBeside } from './words.ts';

/**
 * Returns true when `fieldsOf()` certainly returns the value itself. The static executable finds that out in C, for nearly every
 * configuration; here JavaScript looks at each key.
 */
export function hasNormalKeys(_value: unknown, _table: KeyTable): boolean {
  return false;
}

const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/** Returns true for a letter or digit, then letters, digits, `_`, `.` and `-`. */
export function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text);
}
