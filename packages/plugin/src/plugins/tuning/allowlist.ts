import { CniError, ErrorCode } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { readFileIfExists } from '../../lib/read-file-if-exists.ts';
import { re2 } from './re2.ts';

/** A file with one regular expression of RE2 a line, as Go has them. Without the file, all sysctls below `net` are allowed. */
const ALLOWLIST = '/etc/cni/tuning/allowlist.conf';

/**
 * Refuses sysctls that the node's administrator has not allowed.
 *
 * @throws {CniError} 7 naming the first sysctl that is not allowed; 5 when the list cannot be read
 */
export function assertAllowed(sys: Sys, keys: readonly string[]): void {
  if (keys.length === 0) {
    return;
  }
  const text = readFileIfExists(sys, ALLOWLIST);
  if (text === undefined) {
    return;
  }
  const lines = allowedLines(text);
  for (const key of keys) {
    if (lines.some((line) => expression(line).test(key))) {
      continue;
    }
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Sysctl ${key} is not allowed. Only the following sysctls are allowed: [${lines.join(' ')}]`,
      `Add it to ${ALLOWLIST} on the node`,
    );
  }
}

function allowedLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function expression(line: string): RegExp {
  try {
    return re2(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) {
      throw error;
    }
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Line ${JSON.stringify(line)} of ${ALLOWLIST} is not a regular expression: ${error.message}`,
      'Write it in the syntax of RE2: https://github.com/google/re2/wiki/Syntax',
    );
  }
}
