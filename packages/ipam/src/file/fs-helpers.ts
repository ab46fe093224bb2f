import type { Sys } from '@cnikit/sys';

/** Returns the result of `call`, or `undefined` when it throws an error with one of these codes. */
export function ignoreErrors<T>(codes: readonly string[], call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (codes.includes((error as { code?: string }).code ?? '')) {
      return undefined;
    }
    throw error;
  }
}

/** Returns the names in a directory; none when the path does not exist or is not a directory. */
export function listDir(sys: Sys, path: string): string[] {
  return ignoreErrors(['ENOENT', 'ENOTDIR'], () => sys.readdir(path)) ?? [];
}
