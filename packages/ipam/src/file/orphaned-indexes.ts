import { ignoreErrno, type Sys } from '@cnikit/sys';
import { listDir } from './list-dir.ts';

/** Returns the paths of indexes in `<dataDir>/.cnikit` whose network has no directory any more. */
export function orphanedIndexes(sys: Sys, dataDir: string): string[] {
  return listDir(sys, `${dataDir}/.cnikit`)
    .filter((network) => sys.statIfExists(`${dataDir}/${network}`) === undefined)
    .map((network) => `${dataDir}/.cnikit/${network}`);
}

/** Removes them. The first ADD of a network makes its directory before its index. */
export function removeOrphanedIndexes(sys: Sys, dataDir: string): void {
  for (const index of orphanedIndexes(sys, dataDir)) {
    for (const name of listDir(sys, index)) {
      removeDir(sys, `${index}/${name}`);
    }
    removeDir(sys, index);
  }
}

const GONE = ['ENOENT', 'ENOTEMPTY', 'EEXIST'];

/** Removes a file, or a directory of files. */
function removeDir(sys: Sys, path: string): void {
  for (const name of listDir(sys, path)) {
    ignoreErrno(['ENOENT', 'EISDIR', 'EPERM'], () => sys.unlink(`${path}/${name}`));
  }
  if (ignoreErrno([...GONE, 'ENOTDIR'], () => removed(sys, path)) === undefined) {
    ignoreErrno([...GONE, 'EISDIR', 'EPERM'], () => sys.unlink(path));
  }
}

function removed(sys: Sys, path: string): true {
  sys.rmdir(path);
  return true;
}
