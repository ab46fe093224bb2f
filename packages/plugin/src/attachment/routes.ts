import type { IpConfig, Route } from '@cnikit/cni-spec';
import { isIPv6, subnetOf } from '../lib/prefix.ts';

/** The main routing table (linux/rtnetlink.h). A route without a table is in it. */
export const RT_TABLE_MAIN = 254;

/**
 * Returns the configured routes, and a default route for each family that has a gateway and no default route in the main
 * table.
 */
export function withDefaultRoutes(configured: readonly Route[], ips: readonly IpConfig[]): Route[] {
  const routes = [...configured];
  for (const { address, gateway } of ips) {
    const dst = isIPv6(address) ? '::/0' : '0.0.0.0/0';
    const isDefault = (route: Route) =>
      subnetOf(route.dst) === dst && (route.table || RT_TABLE_MAIN) === RT_TABLE_MAIN;
    if (gateway !== undefined && !routes.some(isDefault)) {
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
