import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { type Sys, SysError } from '@cnikit/sys';

/**
 * Reads a whole file.
 *
 * @returns undefined when the file does not exist
 * @throws {CniError} 5 when the file exists and cannot be read
 */
export function readFileIfExists(sys: Sys, path: string): string | undefined {
  try {
    return sys.readText(path);
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
    // A container ID may be too long for a file name, so no such file can exist.
    if (error.code === 'ENOENT' || error.code === 'ENAMETOOLONG') {
      return undefined;
    }
    throw new CniError(ErrorCode.IOFailure, `Cannot read ${path}: ${error.code}`);
  }
}
