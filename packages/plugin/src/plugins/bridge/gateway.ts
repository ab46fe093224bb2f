/** The pods' gateway: addresses of the bridge, and forwarding on the node. */
import { CniError, ErrorCode, type IpConfig } from '@cnikit/cni-spec';
import { overlaps } from '@cnikit/ip';
import { type Address, delAddress, NetlinkError, newAddress, type Request } from '@cnikit/netlink';
import { IFA_F_TENTATIVE } from '@cnikit/netlink/constants';
import { connectedNetwork, type LinkSummary, type RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { broadcastOf, firstHost, isIPv6, knownPrefix, withoutLength } from '../../lib/prefix.ts';
import { linkLocal } from '../../links/link-local.ts';
import { linkLocalAddress } from '../../links/mac.ts';
import { ensureForwarding } from '../../netns/forwarding.ts';
import type { BridgeSettings } from './settings.ts';

/** Fills in missing gateways: the first host of the subnet. */
export function withGateways(ips: readonly IpConfig[]): (IpConfig & { gateway: string })[] {
  return ips.map(({ address, gateway = firstHost(address) }) => ({ address, gateway }));
}

/**
 * Gives the link each gateway address, with the prefix length of the pod's address, and enables forwarding on the node.
 *
 * @throws {CniError} 7 when the link has a conflicting address and forceAddress is off
 */
export function ensureGateways(
  route: RtnetlinkCore,
  sys: Sys,
  { forceAddress }: BridgeSettings,
  { index, name, mac }: LinkSummary,
  ips: readonly (IpConfig & { gateway: string })[],
): void {
  ensureForwarding(sys, ips);
  const [only] = ips;
  // The common case: all addresses exist.
  if (ips.length === 1 && only !== undefined && isConnected(route, index, only)) {
    return;
  }
  const addresses = route.addresses({ index });
  const held = addresses.map(({ address }) => address);
  const requests: Request[] = [];
  const wanted = ips.map(gatewayOf);
  // Compare as sets: a network with several ranges of one family has several gateways.
  const foreign = new Set(held.filter((address) => !wanted.includes(address)));
  for (const gateway of wanted) {
    const others = [...foreign].filter((address) => conflicts(address, gateway));
    if (others.length > 0 && !forceAddress) {
      throw new CniError(
        ErrorCode.InvalidNetworkConfig,
        `Bridge ${name} already has an IP address different from ${gateway}: ${others.join(', ')}`,
        'Set forceAddress to replace the address, or delete it',
      );
    }
    for (const address of others) {
      requests.push(delAddress({ index, address }));
      foreign.delete(address);
    }
    if (!held.includes(gateway)) {
      // Replace, because a concurrent ADD may have set it. Duplicate address detection would delay the first pod.
      const broadcast = broadcastOf(gateway);
      requests.push(newAddress({ index, address: gateway, broadcast, nodad: true, replace: true }));
    }
  }
  // The kernel drops the link-local address when the bridge goes down; without it, forwarded IPv6 finds no neighbour.
  if (mac !== undefined && ips.some(({ address }) => isIPv6(address)) && !addresses.some(isUsableLinkLocal)) {
    // When the bridge was down, the kernel may have added it again, and detects duplicates for a second or two.
    route.batchSettled([delAddress({ index, address: `${linkLocalAddress(mac)}/64` })]);
    requests.push(...linkLocal(index, mac));
  }
  if (requests.length > 0) {
    route.batch(requests);
  }
}

/**
 * Returns true when the route to the pod's address shows that the link has its gateway's address. Reading addresses of a
 * link may wait for the kernel's interface lock, and so for concurrent ADDs; a lookup of a route does not. An IPv6 route
 * does not name the address.
 */
function isConnected(route: RtnetlinkCore, index: number, ip: IpConfig & { gateway: string }): boolean {
  if (isIPv6(ip.address)) {
    return false;
  }
  try {
    const found = connectedNetwork(route, withoutLength(ip.address));
    return found?.index === index && found.address === gatewayOf(ip);
  } catch (error) {
    if (error instanceof NetlinkError) {
      return false;
    }
    throw error;
  }
}

function isUsableLinkLocal({ address, flags }: Address): boolean {
  return address.startsWith('fe80:') && (flags & IFA_F_TENTATIVE) === 0;
}

/** Returns the gateway with the prefix length of the pod's address. */
export function gatewayOf({ gateway, address }: IpConfig & { gateway: string }): string {
  return gateway + address.slice(address.indexOf('/'));
}

/** Returns true when two addresses conflict. As upstream, a bridge has one IPv4 address, and IPv6 addresses in disjoint subnets. */
export function conflicts(heldAddress: string, wantedAddress: string): boolean {
  const held = knownPrefix(heldAddress);
  const wanted = knownPrefix(wantedAddress);
  if (held.address.length !== wanted.address.length) {
    return false;
  }
  return wanted.address.length === 4 || overlaps(held, wanted);
}
