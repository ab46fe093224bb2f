import { LOCK_EX, LOCK_NB, O_CREAT, O_RDWR, type Sys } from '@cnikit/sys';
import { IpamError } from '../errors.ts';
import { errnoOf } from './errno.ts';
import { makeDirs } from './make-dirs.ts';

const MAX_PAUSE_MS = 16;

/** Opens the lock file in a directory, and creates both if missing. */
export function openLock(sys: Sys, path: string, dir: string): number {
  try {
    return sys.open(path, O_RDWR | O_CREAT, 0o600);
  } catch (error) {
    // The first user of a network creates its directory, unless another process has done so since.
    if (errnoOf(error) !== 'ENOENT') {
      throw error;
    }
    makeDirs(sys, dir);
    return sys.open(path, O_RDWR | O_CREAT, 0o600);
  }
}

/**
 * Waits for the flock(2) of an open file. Polls for a held lock, because flock has no timeout: at first every
 * millisecond, then less often.
 *
 * @param path names the file in the error
 * @throws {IpamError} `LOCK_TIMEOUT` after `timeoutMs`
 */
export function acquire(sys: Sys, fd: number, path: string, timeoutMs: number): void {
  let deadline: number | undefined;
  for (let pause = 1; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
    try {
      sys.flock(fd, LOCK_EX | LOCK_NB);
      return;
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') {
        throw error;
      }
    }
    const now = sys.monotonicMs();
    deadline ??= now + timeoutMs;
    if (now >= deadline) {
      throw new IpamError(
        'LOCK_TIMEOUT',
        `Other processes held the lock ${path} for ${timeoutMs} ms. Try again; if the error persists, find the stuck process with fuser ${path}`,
      );
    }
    sys.sleepMs(Math.ceil(Math.min(pause, deadline - now)));
  }
}
