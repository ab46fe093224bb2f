import { IpamError } from './errors.ts';

/**
 * Refuses unknown keys, which JavaScript ignores: a garbage collection without its misspelt `before` would free addresses of
 * running pods.
 *
 * @throws {IpamError} `CONFIG` with the key and the expected ones
 */
export function checkKeys<K extends string>(
  what: string,
  value: object,
  keys: Readonly<Record<K, true>>,
): void {
  if (typeof value !== 'object' || value === null) {
    throw new IpamError('CONFIG', `Invalid ${what} ${JSON.stringify(value)}: expected an object`);
  }
  for (const key in value) {
    if (!Object.hasOwn(keys, key) && (value as Record<string, unknown>)[key] !== undefined) {
      const expected = Object.keys(keys).join(', ');
      throw new IpamError('CONFIG', `Unknown key "${key}" in ${what}: expected ${expected}`);
    }
  }
}
