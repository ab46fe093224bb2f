import { LOCK_EX, LOCK_NB, O_CREAT, O_RDWR, type Sys } from '@cnikit/sys';
import { IpamError } from '../errors.ts';

const LONGEST_PAUSE_MS = 16;

/**
 * Runs `body` under flock(2) of a file, which is made if missing. A lock that others hold is asked
 * for again and again, since flock has no time limit of its own: at first each millisecond, then
 * less often. Throws IpamError LOCK_TIMEOUT after `timeoutMs`.
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
  for (let pause = 1; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
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
        `Other processes held the lock ${path} for ${timeoutMs} ms; try again, and if it stays so look for a stuck process with fuser ${path}`,
      );
    }
    sys.sleepMs(Math.ceil(Math.min(pause, deadline - now)));
  }
}
