/** Functions that the static executable has in C. */
import type { KeyTable } from './keys.ts';

/**
 * Returns true when `normaliseKeys()` certainly returns the value itself. The static executable finds that out in C, for
 * nearly every configuration; here JavaScript looks at each key.
 */
export function hasNormalKeys(_value: unknown, _table: KeyTable): boolean {
  return false;
}

/**
 * Returns true when an object has no key of the table in any spelling. The static executable may return false when it is
 * unsure.
 */
export function lacksKeys(value: object, table: KeyTable): boolean {
  const known = Object.keys(table).map((key) => key.toLowerCase());
  return !Object.keys(value).some((key) => known.includes(key.toLowerCase()));
}

/** Returns true for a valid container ID or network name (SPEC section 2 "Parameters"), of any length. */
export function isIdentifier(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(text);
}
