/**
 * Returns what `body` returns, or `undefined` when it throws an error with one of these codes: `SysError`, the errors of
 * `node:fs`, or any other error with a `code`.
 *
 * ```ts
 * import { ignoreErrno, sys } from '@cnikit/sys';
 *
 * console.log(ignoreErrno('ENOENT', () => sys.readText('/no/such/file'))); // undefined
 * ```
 */
export function ignoreErrno<T>(codes: string | readonly string[], body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
    if (typeof code === 'string' && (typeof codes === 'string' ? code === codes : codes.includes(code))) {
      return undefined;
    }
    throw error;
  }
}
