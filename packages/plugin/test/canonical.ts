import { convertResult } from '@cnikit/cni-spec';

/**
 * Returns what a plugin that checks its results would print in place of the result. The plugins of this package print theirs
 * unchecked, so it must be the same text.
 */
export function checkedResult(stdout: string): string {
  const result: { cniVersion: string } = JSON.parse(stdout);
  const { document } = convertResult(result, result.cniVersion, result.cniVersion);
  return `${JSON.stringify(document)}\n`;
}
