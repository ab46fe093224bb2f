import { CniError, ErrorCode, type IpConfig } from '@cnikit/cni-spec';
import type { PodIpam } from '../ipam/pod-ipam.ts';
import { isIPv6 } from '../lib/prefix.ts';

/** RFC 8200, section 5. */
const MIN_MTU = 1280;

/**
 * Refuses an MTU that is too small for IPv6 before ADD changes anything. A bridge takes the smallest MTU of its ports, and
 * the kernel removes the IPv6 addresses of a link with such an MTU, so that other pods would lose their gateway.
 *
 * @param mtu of the configuration; 0 for the default
 * @throws {CniError} 7
 */
export function checkMtu(mtu: number, ipam: PodIpam | undefined): void {
  if (isTooSmall(mtu) && ipam?.givesIPv6?.()) {
    throw tooSmall(mtu);
  }
}

/**
 * Returns the error of an ADD, which names the MTU if that is too small for the addresses: the kernel has no IPv6 on such a
 * link, and its answers, such as EINVAL, do not say why. An error that the plugin has words for is returned as it is.
 *
 * @param mtu of the configuration; 0 for the default
 */
export function withMtuReason(error: unknown, mtu: number, ips: readonly IpConfig[] = []): unknown {
  if (error instanceof CniError || !isTooSmall(mtu) || !ips.some(({ address }) => isIPv6(address))) {
    return error;
  }
  return tooSmall(mtu, { cause: error });
}

const isTooSmall = (mtu: number): boolean => mtu !== 0 && mtu < MIN_MTU;

function tooSmall(mtu: number, options?: { cause: unknown }): CniError {
  const cause = options?.cause;
  const reason = options === undefined ? '' : `: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new CniError(
    ErrorCode.InvalidNetworkConfig,
    `The MTU ${mtu} is too small for IPv6, which needs ${MIN_MTU}${reason}`,
    `Set mtu to ${MIN_MTU} or more, or remove the IPv6 ranges`,
    options,
  );
}
