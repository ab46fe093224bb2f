import type { Family } from '@cnikit/ip';
import { NetlinkEncodeError } from './errors.ts';

/**
 * Returns true for `ipv6`, false for `ipv4`.
 *
 * @throws {NetlinkEncodeError} BAD_VALUE for any other family
 */
export function isIPv6(family: Family): boolean {
  if (family === 'ipv4' || family === 'ipv6') {
    return family === 'ipv6';
  }
  throw new NetlinkEncodeError(
    'BAD_VALUE',
    `Unknown family ${JSON.stringify(family)}: expected ipv4 or ipv6`,
  );
}
