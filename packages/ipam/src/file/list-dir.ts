import { ignoreErrno, type Sys } from '@cnikit/sys';

/** Returns the names in a directory, or none when it does not exist or is not a directory. */
export function listDir(sys: Sys, path: string): string[] {
  return ignoreErrno(['ENOENT', 'ENOTDIR'], () => sys.readdir(path)) ?? [];
}
