import type { IpConfig, Route } from '@cnikit/cni-spec';
import { isIPv6 } from '../lib/prefix.ts';

/**
 * Returns the configured routes, and a default route for each family that has a gateway and no default route.
 */
export function withDefaultRoutes(configured: readonly Route[], ips: readonly IpConfig[]): Route[] {
  const routes = [...configured];
  for (const { address, gateway } of ips) {
    const dst = isIPv6(address) ? '::/0' : '0.0.0.0/0';
    if (gateway !== undefined && !routes.some((route) => route.dst === dst)) {
      routes.push({ dst, gw: gateway });
    }
  }
  return routes;
}

/**
 * Fills in next hops. As upstream, a route without a next hop gets the gateway of its family; without a gateway it is
 * on-link.
 */
export function withNextHops(routes: readonly Route[], ips: readonly IpConfig[]): Route[] {
  return routes.map((route) => {
    if (route.gw !== undefined) {
      return route;
    }
    const gw = ips.find(
      ({ address, gateway }) => gateway !== undefined && isIPv6(address) === isIPv6(route.dst),
    )?.gateway;
    return gw === undefined ? route : { ...route, gw };
  });
}
