/**
 * Refuses unknown keys of options, which JavaScript ignores: without its misspelt `mode` a file is readable by all.
 *
 * @throws {TypeError} with the key and the expected ones
 */
export function checkKeys<K extends string>(
  call: string,
  options: object,
  keys: Readonly<Record<K, true>>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${call}: Invalid options ${JSON.stringify(options)}: expected an object`);
  }
  for (const key in options) {
    if (!Object.hasOwn(keys, key) && (options as Record<string, unknown>)[key] !== undefined) {
      throw new TypeError(`${call}: Unknown option "${key}": expected ${Object.keys(keys).join(', ')}`);
    }
  }
}
