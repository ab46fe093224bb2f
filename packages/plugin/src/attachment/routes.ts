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
    if (gateway !== undefined && !hasDefault(routes, dst)) {
      routes.push({ dst, gw: gateway });
    }
  }
  return routes;
}

function hasDefault(routes: readonly Route[], wanted: string): boolean {
  for (const { dst, table } of routes) {
    if (subnetOf(dst) === wanted && (table || RT_TABLE_MAIN) === RT_TABLE_MAIN) {
      return true;
    }
  }
  return false;
}

/**
 * Fills in next hops. As upstream, a route without a next hop gets the gateway of its family; without a gateway it is
 * on-link.
 */
export function withNextHops(routes: readonly Route[], ips: readonly IpConfig[]): readonly Route[] {
  for (const { gw } of routes) {
    if (gw === undefined) {
      return routes.map((route) => withNextHop(route, ips));
    }
  }
  return routes;
}

function withNextHop(route: Route, ips: readonly IpConfig[]): Route {
  if (route.gw !== undefined) {
    return route;
  }
  const gw = ips.find(
    ({ address, gateway }) => gateway !== undefined && isIPv6(address) === isIPv6(route.dst),
  )?.gateway;
  return gw === undefined ? route : { ...route, gw };
}
