/**
 * Refuses unknown keys of options, which JavaScript ignores: without its misspelt `verb` a fault hits every request.
 *
 * @throws {TypeError} with the key and the expected ones
 */
export function checkKeys<K extends string>(
  what: string,
  value: object,
  keys: Readonly<Record<K, true>>,
): void {
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(`Invalid ${what} ${JSON.stringify(value)}: expected an object`);
  }
  for (const key in value) {
    if (!Object.hasOwn(keys, key) && (value as Record<string, unknown>)[key] !== undefined) {
      throw new TypeError(`Unknown key "${key}" in ${what}: expected ${Object.keys(keys).join(', ')}`);
    }
  }
}
