import { CLONE_NEWNET, O_NONBLOCK, O_RDONLY } from './constants.ts';
import { SysError } from './error.ts';
import type { Sys } from './sys.ts';

const STDERR = 2;
const EX_SOFTWARE = 70;
const EINVAL = 22;

/**
 * Runs `body` with the calling thread inside the network namespace at `netnsPath`, and returns its result. `body` must be
 * synchronous: a promise would continue after the thread has left the namespace.
 *
 * When the thread cannot return to its namespace, the process exits with status 70: it would configure the wrong
 * namespace from then on.
 *
 * @throws {SysError} when the path cannot be opened (ENOENT, …); EINVAL when it is not a network namespace, or `body`
 * returns a promise
 */
export function withNetns<T>(sys: Sys, netnsPath: string, body: () => T): T {
  const home = sys.open('/proc/thread-self/ns/net', O_RDONLY);
  try {
    // O_NONBLOCK: the path is user input, and opening a FIFO would block.
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
