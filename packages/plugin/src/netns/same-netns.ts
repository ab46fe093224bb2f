import { type Sys, SysError } from '@cnikit/sys';

/** Returns true when the path exists and is the network namespace of this process. */
export function sameNetns(sys: Sys, path: string): boolean {
  try {
    return sys.inNetns(path);
  } catch (error) {
    if (error instanceof SysError) {
      return false;
    }
    throw error;
  }
}
