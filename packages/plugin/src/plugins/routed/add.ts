/**
 * The routed layout: a link and a route for each pod, without a bridge. All pods have the same gateway, whose MAC address
 * they know from the start, so that no packet waits for an answer and no pod receives frames of another.
 */
import type { Context, IpConfig, Result, Route } from '@cnikit/cni-spec';
import { newNeighbour, newRoute, type Request } from '@cnikit/netlink';
import { IFA_F_NOPREFIXROUTE } from '@cnikit/netlink/constants';
import { type RtnetlinkCore, Template } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import type { AddHooks } from '../../attachment/feature.ts';
import { withDefaultRoutes } from '../../attachment/routes.ts';
import { hostLength, isIPv6, withoutLength } from '../../lib/prefix.ts';
import { INDEX, IPV4, IPV6, MAC } from '../../links/examples.ts';
import { bringUp } from '../../links/link-local.ts';
import { linkLocalAddress } from '../../links/mac.ts';
import { perLink } from '../../links/per-link.ts';
import { POD_GROUPS } from '../../links/pod-groups.ts';
import type { VethPair } from '../../links/veth.ts';
import { requestedMac } from '../bridge/add.ts';
import { attachPair, type RoutedAddress } from '../ptp/attach-pair.ts';
import { answerForPod, ROUTE_PROTOCOL, stopAnswering } from './bridge-proxy.ts';
import {
  filterAddress,
  filterOf,
  hostGroupOf,
  mayUseForeignSources,
  type RoutedSettings,
} from './foreign-sources.ts';
import { ensureSourceGuard } from './source-guard.ts';

/** MAC address of every host end: locally administered, as pods know it without asking. */
const HOST_MAC = '02:63:6e:69:6b:69';
export const GATEWAYS = { ipv4: '169.254.1.1', ipv6: linkLocalAddress(HOST_MAC) } as const;
/** States of a neighbour (linux/neighbour.h). */
const NUD_REACHABLE = 0x02;

/** Runs ADD: {@link attachPair}. */
export function addRouted(sys: Sys, context: Context<RoutedSettings>, hooks?: AddHooks): Result {
  const { conf, args } = context;
  const group = hostGroupOf(context);
  const layout = {
    hostMac: HOST_MAC,
    hostGroup: group,
    podMac: requestedMac(conf.raw, args),
    addresses: (ips: readonly IpConfig[]) => ips.map(withGateway),
    routes: (configured: readonly Route[], ips: readonly RoutedAddress[]) =>
      withDefaultRoutes(configured, ips),
    hostEnd: (index: number, _: VethPair, ips: readonly IpConfig[]) => hostEndRequests({ index, group }, ips),
    hostNeighbours: (index: number, { podMac }: VethPair, ips: readonly IpConfig[]) =>
      hostNeighbours(index, podMac, ips),
    podEnd: (_: VethPair, ips: readonly RoutedAddress[]) => ({
      addressFlags: IFA_F_NOPREFIXROUTE,
      // The node has neighbours of IPv6 with the pod's MAC address.
      announced: ips.map(({ address }) => address).filter((address) => !isIPv6(address)),
      // The route to an IPv6 gateway is the link's own fe80::/64.
      linkRoutes: (oif: number) =>
        ips
          .filter(({ gateway }) => !isIPv6(gateway))
          .map(() => ({ route: gatewayRoute(oif), request: GATEWAY_ROUTE.fill({ index: oif }) })),
      neighbours: (index: number) =>
        ips.flatMap(({ gateway }) => (isIPv6(gateway) ? IPV6_GATEWAY : IPV4_GATEWAY)(index)),
    }),
    reached(host: RtnetlinkCore, ips: readonly RoutedAddress[]) {
      answerForPod(sys, host, conf.bridge, ips);
      ensureSourceGuard(sys, { group });
    },
    left: (ips: readonly RoutedAddress[]) => stopAnswering(sys, conf.bridge, ips),
  };
  return attachPair(sys, context, layout, hooks);
}

const gatewayOf = (address: string) => perLink((index) => [newNeighbour({ index, address, mac: HOST_MAC })]);
const IPV4_GATEWAY = gatewayOf(GATEWAYS.ipv4);
const IPV6_GATEWAY = gatewayOf(GATEWAYS.ipv6);

const gatewayRoute = (oif: number) => ({ dst: `${GATEWAYS.ipv4}/32`, oif, scope: 'link' as const });
const GATEWAY_ROUTE = new Template(({ index }) => newRoute(gatewayRoute(index)), { index: INDEX });

/** Facts that the requests for a host end depend on. */
interface HostEndFacts {
  index: number;
  /** Link group of the host end. */
  group: number | undefined;
}

const broughtUp = (index: number, hasIPv6: boolean, group: number | undefined) =>
  bringUp(index, hasIPv6 ? HOST_MAC : undefined, {
    forwarding: 1,
    proxyArp: 1,
    sendRedirects: 0,
    rpFilter: filterOf(group),
  });
const STRICT_UP = perLink((index) => broughtUp(index, true, POD_GROUPS));
const STRICT_UP_IPV4 = perLink((index) => broughtUp(index, false, POD_GROUPS));

/**
 * Returns the requests that bring the host end up and route the pod's addresses to it. `proxy_arp` answers a pod that has
 * lost its entry of the gateway.
 */
export function hostEndRequests({ index, group }: HostEndFacts, ips: readonly IpConfig[]): Request[] {
  const hasIPv6 = ips.some(({ address }) => isIPv6(address));
  const requests = mayUseForeignSources({ group })
    ? broughtUp(index, hasIPv6, group)
    : (hasIPv6 ? STRICT_UP : STRICT_UP_IPV4)(index);
  requests.push(...filterAddress(index, group, GATEWAYS.ipv4));
  for (const ip of ips) {
    const address = withoutLength(ip.address);
    requests.push((isIPv6(address) ? IPV6_ROUTE : IPV4_ROUTE).fill({ index, address }));
  }
  return requests;
}

const routeTo = (example: string) =>
  new Template(
    ({ index, address }) =>
      newRoute({ dst: `${address}/${hostLength(address)}`, oif: index, protocol: ROUTE_PROTOCOL }),
    { index: INDEX, address: example },
  );
const IPV4_ROUTE = routeTo(IPV4);
const IPV6_ROUTE = routeTo(IPV6);

/**
 * Returns the requests for the node's neighbours, which save it from asking the pod. They are reachable rather than
 * permanent, because another plugin of the list may change the pod's MAC address.
 */
export function hostNeighbours(index: number, mac: string, ips: readonly IpConfig[]): Request[] {
  return ips.map((ip) => {
    const address = withoutLength(ip.address);
    return (isIPv6(address) ? IPV6_NEIGHBOUR : IPV4_NEIGHBOUR).fill({ index, address, mac });
  });
}

const neighbourAt = (example: string) =>
  new Template(({ index, address, mac }) => newNeighbour({ index, address, mac, state: NUD_REACHABLE }), {
    index: INDEX,
    address: example,
    mac: MAC,
  });
const IPV4_NEIGHBOUR = neighbourAt(IPV4);
const IPV6_NEIGHBOUR = neighbourAt(IPV6);

function withGateway({ address }: IpConfig): RoutedAddress {
  return { address, gateway: isIPv6(address) ? GATEWAYS.ipv6 : GATEWAYS.ipv4 };
}
