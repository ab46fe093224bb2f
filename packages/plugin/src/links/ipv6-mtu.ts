import { CniError, ErrorCode, type IpConfig } from '@cnikit/cni-spec';
import { isIPv6 } from '../lib/prefix.ts';

/** RFC 8200, section 5. */
const MIN_MTU = 1280;

/**
 * Returns the error of an ADD, which names the MTU if that is too small for the addresses: the kernel has no IPv6 on such a
 * link, and its answers, such as EINVAL, do not say why.
 *
 * @param mtu of the configuration; 0 for the default
 */
export function withMtuReason(error: unknown, mtu: number, ips: readonly IpConfig[] = []): unknown {
  if (mtu === 0 || mtu >= MIN_MTU || !ips.some(({ address }) => isIPv6(address))) {
    return error;
  }
  return new CniError(
    ErrorCode.InvalidNetworkConfig,
    `The MTU ${mtu} is too small for IPv6, which needs ${MIN_MTU}: ${error instanceof Error ? error.message : String(error)}`,
    'Set mtu to 1280 or more, or remove the IPv6 ranges',
    { cause: error },
  );
}
