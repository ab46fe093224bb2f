import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { O_WRONLY, type Sys, SysError } from '@cnikit/sys';

/**
 * Sets a sysctl unless it already has the value, which it usually does.
 *
 * @param path the file under /proc/sys, in the calling thread's network namespace
 * @param ifExists accepts that the kernel lacks the file, as those below net/ipv6 without IPv6
 * @throws {CniError} 5 naming the file, when it cannot be read or written
 */
export function ensureSysctl(sys: Sys, path: string, value: string, ifExists = false): void {
  try {
    const held = sys.readText(path);
    if (held === `${value}\n` || normaliseSpace(held) === normaliseSpace(value)) {
      return;
    }
    sys.writeText(path, value, { flags: O_WRONLY });
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
    if (ifExists && error.code === 'ENOENT') {
      return;
    }
    throw new CniError(
      ErrorCode.IOFailure,
      `Cannot set sysctl ${path} to ${value}`,
      `${error.syscall}: ${error.code}; set it manually`,
    );
  }
}

/** Sets a sysctl of a new object, whose default differs, as `ensureSysctl()` does but without reading it first. */
export function setSysctl(sys: Sys, path: string, value: string, ifExists = false): void {
  try {
    sys.writeText(path, value, { flags: O_WRONLY });
  } catch {
    ensureSysctl(sys, path, value, ifExists);
  }
}

/** Returns a value with single spaces, for comparison: the kernel separates numbers with tabs. */
export function normaliseSpace(text: string): string {
  return text.trim().split(/\s+/).join(' ');
}
