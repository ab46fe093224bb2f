import { CniError, type Context, ErrorCode, type IpConfig, type Result } from '@cnikit/cni-spec';
import { newAddress, newRoute, type Request, type RouteSpec } from '@cnikit/netlink';
import { IFA_F_NOPREFIXROUTE } from '@cnikit/netlink/constants';
import type { Sys } from '@cnikit/sys';
import { hostLength, isIPv6, subnetOf, withoutLength } from '../../lib/prefix.ts';
import { bringUp } from '../../links/link-local.ts';
import type { VethPair } from '../../links/veth.ts';
import { attachPair, type PairLayout, type RoutedAddress } from './attach-pair.ts';
import type { PtpSettings } from './settings.ts';

/** As upstream: the host end has the gateway's address. */
const PTP: PairLayout = {
  addresses: (ips) => ips.map(withGateway),
  routes: (configured) => [...configured],
  hostEnd,
  podEnd: (_, ips) => ({
    addressFlags: IFA_F_NOPREFIXROUTE,
    linkRoutes: (index) =>
      ips.flatMap((ip) => routesToGateway(index, ip)).map((route) => ({ route, request: newRoute(route) })),
  }),
};

/** Runs ADD: {@link attachPair}. */
export function add(sys: Sys, context: Context<PtpSettings>): Result {
  return attachPair(sys, context, PTP);
}

/**
 * Returns the routes of the pod that other routes need: the gateway is on-link, and the pod's subnet is behind the
 * gateway. A veth is not a point-to-point link: without them the pod would send ARP requests for its neighbours, and
 * only the node is on that link.
 */
function routesToGateway(oif: number, { address, gateway }: RoutedAddress): RouteSpec[] {
  const src = withoutLength(address);
  return [
    { dst: `${gateway}/${hostLength(gateway)}`, oif, src, scope: 'link' },
    { dst: subnetOf(address), via: gateway, oif, src },
  ];
}

/** Brings the host end up, with the gateway's address and a route to the pod. */
function hostEnd(index: number, { hostMac }: VethPair, ips: readonly RoutedAddress[]): Request[] {
  const requests = bringUp(index, ips.some(({ address }) => isIPv6(address)) ? hostMac : undefined);
  for (const { address, gateway } of ips) {
    const length = hostLength(address);
    requests.push(newAddress({ index, address: `${gateway}/${length}`, nodad: true }));
    requests.push(newRoute({ dst: `${withoutLength(address)}/${length}`, oif: index }));
  }
  return requests;
}

function withGateway(ip: IpConfig): RoutedAddress {
  const { gateway } = ip;
  if (gateway === undefined) {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `IPAM gave no gateway for ${ip.address}`,
      'ptp routes the pod through it',
    );
  }
  return { ...ip, gateway };
}
