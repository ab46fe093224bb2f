/** The bridge as the pods' gateway: its addresses, and a node that forwards. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { delAddress, type Link, newAddress, type Request, type RouteConnection } from '@cnikit/netlink';
import type { Prefix } from '@cnikit/netlink/codec';
import type { Sys } from '@cnikit/sys';
import type { BridgeSettings } from '../config.ts';
import { knownPrefix, overlap } from '../prefix.ts';
import { ensureSysctl } from '../sysctl.ts';

const FORWARDING = { 4: '/proc/sys/net/ipv4/ip_forward', 16: '/proc/sys/net/ipv6/conf/all/forwarding' };

/**
 * Makes the bridge hold each gateway address and the node forward.
 *
 * @param gateways addresses with the prefix length of the pod's own, such as `10.244.1.1/24`
 * @throws CniError 7 when another address is in the way and forceAddress is off
 */
export function ensureGateways(
  route: RouteConnection,
  sys: Sys,
  settings: BridgeSettings,
  bridge: Link,
  gateways: readonly string[],
): void {
  if (gateways.length === 0) return;
  const held = route.addresses({ index: bridge.index }).map(({ address }) => address);
  const requests: Request[] = [];
  for (const gateway of gateways) {
    const wanted = knownPrefix(gateway);
    const others = held.filter((address) => address !== gateway && inTheWay(knownPrefix(address), wanted));
    if (others.length > 0 && !settings.forceAddress) {
      throw new CniError(
        ErrorCode.InvalidNetworkConfig,
        `Bridge ${settings.bridge} already has an IP address different from ${gateway}: ${others.join(', ')}`,
        'Set forceAddress to have it replaced, or delete it',
      );
    }
    for (const address of others) requests.push(delAddress({ index: bridge.index, address }));
    if (!held.includes(gateway)) {
      // Replace: a concurrent ADD may have set it just now. No detection of duplicates: it would delay the first pod.
      requests.push(newAddress({ index: bridge.index, address: gateway, nodad: true, replace: true }));
    }
    ensureSysctl(sys, FORWARDING[wanted.address.length as 4 | 16], '1');
  }
  if (requests.length > 0) route.batch(requests);
}

/** One IPv4 address a bridge; of IPv6 several whose subnets do not overlap, as the reference has it. */
function inTheWay(held: Prefix, wanted: Prefix): boolean {
  if (held.address.length !== wanted.address.length) return false;
  return wanted.address.length === 4 || overlap(held, wanted);
}
