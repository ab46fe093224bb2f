import { CLONE_NEWNET, O_NONBLOCK, O_RDONLY } from './constants.ts';
import { SysError } from './error.ts';
import type { Sys } from './sys.ts';

const STDERR = 2;
const EX_SOFTWARE = 70;
const EINVAL = 22;

/**
 * Runs `body` with the calling thread inside the network namespace at `netnsPath`, and gives back
 * what it returns or throws what it throws. It must be synchronous: a promise is refused (EINVAL),
 * since the thread has left the namespace when it would go on.
 *
 * Errors: those of opening the path (ENOENT...), EINVAL when it is no network namespace. When the
 * thread cannot come back the process ends with status 70: anything it did next would change the
 * wrong machine.
 */
export function withNetns<T>(sys: Sys, netnsPath: string, body: () => T): T {
  const home = sys.open('/proc/thread-self/ns/net', O_RDONLY);
  try {
    // O_NONBLOCK: the path is somebody's input, and opening a FIFO would wait for ever.
    const target = sys.open(netnsPath, O_RDONLY | O_NONBLOCK);
    try {
      enter(sys, target, netnsPath);
      try {
        const result = body();
        if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
          throw new SysError({
            syscall: 'withNetns',
            errno: EINVAL,
            path: netnsPath,
            message: 'The body must be synchronous',
          });
        }
        return result;
      } finally {
        comeBack(sys, home);
      }
    } finally {
      sys.close(target);
    }
  } finally {
    sys.close(home);
  }
}

function enter(sys: Sys, fd: number, path: string): void {
  try {
    sys.setns(fd, CLONE_NEWNET);
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
    throw new SysError({
      syscall: 'setns',
      errno: error.errno,
      path,
      cause: error,
      ...(error.errno === EINVAL ? { message: 'Not a network namespace' } : {}),
    });
  }
}

function comeBack(sys: Sys, home: number): void {
  try {
    sys.setns(home, CLONE_NEWNET);
  } catch (error) {
    sys.writeFdText(STDERR, `Cannot return to the original network namespace, ending: ${error}\n`);
    sys.exit(EX_SOFTWARE);
  }
}
