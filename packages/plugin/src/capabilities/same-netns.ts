import { type Sys, SysError } from '@cnikit/sys';

/** Whether the path leads to the network namespace this process is in; what is not there, does not. */
export function sameNetns(sys: Sys, path: string): boolean {
  try {
    const other = sys.stat(path);
    const own = sys.stat('/proc/self/ns/net');
    return own.dev === other.dev && own.ino === other.ino;
  } catch (error) {
    if (error instanceof SysError) return false;
    throw error;
  }
}
