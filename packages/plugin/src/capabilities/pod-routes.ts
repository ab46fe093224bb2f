import type { Route } from '@cnikit/cni-spec';
import type { AllocatedAddress } from '@cnikit/ipam';
import type { BridgeSettings } from '../config.ts';

/**
 * The routes of the pod: IPAM's, then a default route of each family that has an address and none yet, if the
 * bridge is to be the default gateway. A route without a next hop goes to its family's gateway, as in the reference.
 */
export function podRoutes(
  settings: BridgeSettings,
  ips: readonly AllocatedAddress[],
  configured: readonly Route[],
): Route[] {
  const routes = [...configured];
  if (settings.isDefaultGateway) {
    for (const { gateway } of ips) {
      const dst = isIPv6(gateway) ? '::/0' : '0.0.0.0/0';
      if (!routes.some((route) => route.dst === dst)) routes.push({ dst, gw: gateway });
    }
  }
  return routes;
}

/** The routes as the kernel gets them: every next hop filled in that the configuration left out. */
export function withGateways(routes: readonly Route[], ips: readonly AllocatedAddress[]): Route[] {
  return routes.map((route) => {
    if (route.gw !== undefined) return route;
    const ip = ips.find(({ gateway }) => isIPv6(gateway) === isIPv6(route.dst));
    return ip === undefined ? route : { ...route, gw: ip.gateway };
  });
}

function isIPv6(address: string): boolean {
  return address.includes(':');
}
