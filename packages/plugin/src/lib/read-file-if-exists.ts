import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { ignoreErrno, type Sys, SysError } from '@cnikit/sys';

/**
 * Reads a whole file.
 *
 * @returns undefined when the file does not exist
 * @throws {CniError} 5 when the file exists and cannot be read
 */
export function readFileIfExists(sys: Sys, path: string): string | undefined {
  try {
    // A container ID may be too long for a file name, so no such file can exist.
    return ignoreErrno(['ENOENT', 'ENAMETOOLONG'], () => sys.readText(path));
  } catch (error) {
    if (error instanceof SysError) {
      throw new CniError(ErrorCode.IOFailure, `Cannot read ${path}: ${error.code}`);
    }
    throw error;
  }
}
