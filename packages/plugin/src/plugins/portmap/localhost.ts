import { NetlinkError, openRoute, type RouteConnection } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { withoutLength } from '../../capabilities/prefix.ts';
import { ensureSysctl } from '../../capabilities/sysctl.ts';

/**
 * Lets packets from 127.0.0.1 leave by the link that leads to the pod, which the kernel holds to be wrong otherwise, so
 * that the node reaches the pod by its own ports. They are masqueraded on the way.
 */
export function routeLocalhost(sys: Sys, address: string): void {
  const route = openRoute({ sys });
  try {
    const oif = linkTo(route, withoutLength(address));
    const name = oif === undefined ? undefined : route.link({ index: oif })?.name;
    if (name !== undefined) ensureSysctl(sys, `/proc/sys/net/ipv4/conf/${name}/route_localnet`, '1');
  } finally {
    route.close();
  }
}

/** Undefined when the node has no way to the pod, which may be on a link of its own. */
function linkTo(route: RouteConnection, dst: string): number | undefined {
  try {
    return route.routeTo({ dst })?.oif;
  } catch (error) {
    if (error instanceof NetlinkError && error.cause === undefined) return undefined;
    throw error;
  }
}
