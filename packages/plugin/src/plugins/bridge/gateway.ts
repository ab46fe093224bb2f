/** The bridge as the pods' gateway: its addresses, and a node that forwards. */
import { CniError, ErrorCode, type IpConfig } from '@cnikit/cni-spec';
import { overlaps, type Prefix } from '@cnikit/ip';
import {
  delAddress,
  firstIPv4,
  type LinkSummary,
  newAddress,
  type Request,
  type RtnetlinkConnection,
} from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { broadcastOf, firstHost, isIPv6, knownPrefix } from '../../lib/prefix.ts';
import { linkLocal } from '../../links/link-local.ts';
import { ensureForwarding } from '../../netns/forwarding.ts';
import type { BridgeSettings } from './settings.ts';

/** The addresses with a gateway each: the first host of the subnet where IPAM names none. */
export function withGateways(ips: readonly IpConfig[]): (IpConfig & { gateway: string })[] {
  return ips.map((ip) => ({ ...ip, gateway: ip.gateway ?? firstHost(ip.address) }));
}

/**
 * Makes the link hold each gateway address, with the prefix length of the pod's own, and the node forward.
 *
 * @throws CniError 7 when another address is in the way and forceAddress is off
 */
export function ensureGateways(
  route: RtnetlinkConnection,
  sys: Sys,
  { forceAddress }: BridgeSettings,
  { index, name, mac }: LinkSummary,
  ips: readonly (IpConfig & { gateway: string })[],
): void {
  ensureForwarding(sys, ips);
  const [only] = ips;
  // Nearly always it is all there.
  if (ips.length === 1 && only !== undefined && firstIPv4(name, { sys }) === gatewayOf(only)) {
    return;
  }
  const held = route.addresses({ index }).map(({ address }) => address);
  const requests: Request[] = [];
  const wanted = ips.map(gatewayOf);
  // Compared as a set: a network with several ranges of one family has several gateways.
  const foreign = new Set(held.filter((address) => !wanted.includes(address)));
  for (const gateway of wanted) {
    const others = [...foreign].filter((address) => inTheWay(knownPrefix(address), knownPrefix(gateway)));
    if (others.length > 0 && !forceAddress) {
      throw new CniError(
        ErrorCode.InvalidNetworkConfig,
        `Bridge ${name} already has an IP address different from ${gateway}: ${others.join(', ')}`,
        'Set forceAddress to have it replaced, or delete it',
      );
    }
    for (const address of others) {
      requests.push(delAddress({ index, address }));
      foreign.delete(address);
    }
    if (!held.includes(gateway)) {
      // Replace: a concurrent ADD may have set it just now. No detection of duplicates: it would delay the first pod.
      const broadcast = broadcastOf(gateway);
      requests.push(newAddress({ index, address: gateway, broadcast, nodad: true, replace: true }));
    }
  }
  // The kernel drops the link-local address when the bridge goes down; without it, forwarded IPv6 finds no neighbour.
  if (mac !== undefined && ips.some(({ address }) => isIPv6(address)) && !held.some(isLinkLocal)) {
    requests.push(...linkLocal(index, mac));
  }
  if (requests.length > 0) {
    route.batch(requests);
  }
}

function isLinkLocal(address: string): boolean {
  return address.startsWith('fe80:');
}

/** With the prefix length of the pod's address. */
function gatewayOf({ gateway, address }: IpConfig & { gateway: string }): string {
  return gateway + address.slice(address.indexOf('/'));
}

/** One IPv4 address a bridge; of IPv6 several whose subnets do not overlap, as the reference has it. */
function inTheWay(held: Prefix, wanted: Prefix): boolean {
  if (held.address.length !== wanted.address.length) {
    return false;
  }
  return wanted.address.length === 4 || overlaps(held, wanted);
}
