import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { type Sys, SysError } from '@cnikit/sys';

/**
 * A whole file; undefined when it is not there.
 *
 * @throws CniError 5 when it is and cannot be read
 */
export function readFileIfExists(sys: Sys, path: string): string | undefined {
  try {
    return sys.readText(path);
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
    // A container's ID has any length, and what has a name that is too long for a file is in none.
    if (error.code === 'ENOENT' || error.code === 'ENAMETOOLONG') {
      return undefined;
    }
    throw new CniError(ErrorCode.IOFailure, `${path} cannot be read: ${error.code}`);
  }
}
