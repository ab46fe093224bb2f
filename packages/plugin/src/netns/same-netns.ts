import { type Sys, SysError } from '@cnikit/sys';

/** Whether the path leads to the network namespace this process is in; what is not there, does not. */
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
