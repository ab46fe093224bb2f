import { type Sys, SysError } from '@cnikit/sys';

/** Whether the path leads to the network namespace this process is in; what is not there, does not. */
export function sameNetns(sys: Sys, path: string): boolean {
  try {
    const other = sys.stat(path);
    // By the name that sys.socket() uses: the kernel makes a process's entries below /proc when they are first looked
    // up, which takes 25 µs, and /proc/self would be others.
    const own = sys.stat('/proc/thread-self/ns/net');
    return own.dev === other.dev && own.ino === other.ino;
  } catch (error) {
    if (error instanceof SysError) return false;
    throw error;
  }
}
