import { LOCK_EX, LOCK_NB, O_CREAT, O_RDWR, type Sys } from '@cnikit/sys';
import { IpamError } from '../errors.ts';

const MAX_PAUSE_MS = 16;

/**
 * Runs `body` under flock(2) of a file, which is created if missing. Polls for a held lock, because flock has
 * no timeout: at first every millisecond, then less often.
 *
 * @throws {IpamError} `LOCK_TIMEOUT` after `timeoutMs`
 */
export function withFlock<T>(sys: Sys, path: string, timeoutMs: number, body: () => T): T {
  const fd = sys.open(path, O_RDWR | O_CREAT, 0o600);
  try {
    acquire(sys, fd, path, timeoutMs);
    return body();
  } finally {
    sys.close(fd);
  }
}

function acquire(sys: Sys, fd: number, path: string, timeoutMs: number): void {
  let deadline: number | undefined;
  for (let pause = 1; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
    try {
      sys.flock(fd, LOCK_EX | LOCK_NB);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== 'EAGAIN') {
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
