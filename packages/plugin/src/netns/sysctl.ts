import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { O_WRONLY, type Sys, SysError } from '@cnikit/sys';

/**
 * Makes a sysctl hold a value; reads first, since most times it does.
 *
 * @param path the file under /proc/sys; it is that of the calling thread's network namespace
 * @throws CniError 5 naming the file, when it cannot be read or written
 */
export function ensureSysctl(sys: Sys, path: string, value: string): void {
  try {
    const held = sys.readText(path);
    if (held === `${value}\n` || words(held) === words(value)) {
      return;
    }
    sys.writeText(path, value, { flags: O_WRONLY });
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
    throw new CniError(
      ErrorCode.IOFailure,
      `Sysctl ${path} cannot be set to ${value}`,
      `${error.syscall}: ${error.code}; set it on the node by hand`,
    );
  }
}

/** A value to compare: the kernel separates numbers by tabs, people by spaces. */
export function words(text: string): string {
  return text.trim().split(/\s+/).join(' ');
}
