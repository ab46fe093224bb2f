import type { Sys } from '@cnikit/sys';

/** Runs `call`; undefined when it fails with one of the errors named. */
export function tolerate<T>(codes: readonly string[], call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (codes.includes((error as { code?: string }).code ?? '')) {
      return undefined;
    }
    throw error;
  }
}

/** The names in a directory; none when it is missing, or no directory. */
export function listDir(sys: Sys, path: string): string[] {
  return tolerate(['ENOENT', 'ENOTDIR'], () => sys.readdir(path)) ?? [];
}
