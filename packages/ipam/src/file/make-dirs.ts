import { ignoreErrno, type Sys } from '@cnikit/sys';

/** Creates a directory and its parents. */
export function makeDirs(sys: Sys, path: string): void {
  const made = ignoreErrno(['EEXIST', 'ENOENT'], () => {
    sys.mkdir(path, 0o755);
    return true;
  });
  const parent = path.slice(0, path.lastIndexOf('/'));
  if (made || parent === '' || sys.statIfExists(path)) {
    return;
  }
  makeDirs(sys, parent);
  ignoreErrno('EEXIST', () => sys.mkdir(path, 0o755));
}

/** Returns a path without slashes at its end. */
export function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') {
    end--;
  }
  return path.slice(0, end);
}
