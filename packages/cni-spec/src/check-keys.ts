import { CniError, ErrorCode } from './error.ts';

/**
 * Refuses unknown keys of options, which JavaScript ignores: a plugin without its misspelt function would report success and do
 * nothing.
 *
 * @throws {CniError} 999 with the key and the expected ones
 */
export function checkKeys<K extends string>(
  what: string,
  value: object,
  keys: Readonly<Record<K, true>>,
): void {
  if (typeof value !== 'object' || value === null) {
    const text = `Invalid ${what} ${JSON.stringify(value)}: expected an object`;
    throw new CniError(ErrorCode.Internal, text);
  }
  for (const key in value) {
    if (!Object.hasOwn(keys, key) && (value as Record<string, unknown>)[key] !== undefined) {
      const expected = Object.keys(keys).join(', ');
      throw new CniError(ErrorCode.Internal, `Unknown key "${key}" in ${what}: expected ${expected}`);
    }
  }
}
