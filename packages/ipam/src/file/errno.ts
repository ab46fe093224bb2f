import { IpamError } from '../errors.ts';

/** Returns true for the error of a failed system call. */
export function isSysError(
  error: unknown,
): error is Error & { syscall: string; code: string; path?: string } {
  return error instanceof Error && 'syscall' in error && 'errno' in error;
}

/**
 * Returns the kernel's name of the error, such as 'ENOENT', or `undefined` for the error of something else. The plugin's
 * ADD and DEL compare it in a `catch`: `ignoreErrno()` of @cnikit/sys does the same with a closure for each call.
 */
export function errnoOf(error: unknown): string | undefined {
  return isSysError(error) ? error.code : undefined;
}

/** Returns the IpamError of a failed system call in the directory of a network, and any other error itself. */
export function explained(error: unknown, dir: string): unknown {
  if (!isSysError(error)) {
    return error;
  }
  const hint = error.syscall === 'link' ? '. Use a file system with hard links' : '';
  return new IpamError('IO', `Cannot use the reservations in ${dir}: ${error.message}${hint}`, error);
}
