import type { IpConfig, Route } from '@cnikit/cni-spec';
import { isIPv6 } from '../lib/prefix.ts';

/**
 * The configured routes, then a default route of each family that has an address with a gateway and no default
 * route yet.
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
 * The routes as the kernel gets them: one without a next hop goes to its family's gateway, as in the reference;
 * without a gateway it is for the link.
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
