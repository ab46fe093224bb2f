import type { Sys } from '@cnikit/sys';
import { errnoOf } from './errno.ts';

/** Returns the names in a directory, or none when it does not exist or is not a directory. */
export function listDir(sys: Sys, path: string): string[] {
  try {
    return sys.readdir(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') {
      return [];
    }
    throw error;
  }
}
