import { SysError } from './error.ts';

/**
 * Throws the error of a negative result. The calls look at their results themselves: a function that does so for them would
 * take a third of the time of each.
 */
export function fail(syscall: string, result: number, path?: string): never {
  throw new SysError({ syscall, errno: -result, path });
}
