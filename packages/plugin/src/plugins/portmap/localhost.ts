import { decodeLinkSummary, NetlinkError, openRtnetlink, type RtnetlinkConnection } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { withoutLength } from '../../lib/prefix.ts';
import { ensureSysctl } from '../../netns/sysctl.ts';

/**
 * Lets packets from 127.0.0.1 leave by the link that leads to the pod, which the kernel holds to be wrong otherwise, so
 * that the node reaches the pod by its own ports. They are masqueraded on the way.
 *
 * @param address of IPv4; nothing is done for a pod without
 * @param link its name, for who knows it
 */
export function routeLocalhost(sys: Sys, address: string | undefined, link?: string): void {
  if (address === undefined) {
    return;
  }
  const name = link ?? linkOf(sys, withoutLength(address));
  if (name !== undefined) {
    ensureSysctl(sys, `/proc/sys/net/ipv4/conf/${name}/route_localnet`, '1');
  }
}

function linkOf(sys: Sys, address: string): string | undefined {
  const route = openRtnetlink({ sys });
  try {
    const index = linkTo(route, address);
    return index === undefined ? undefined : route.link({ index }, decodeLinkSummary)?.name;
  } finally {
    route.close();
  }
}

/** Undefined when the node has no way to the pod, which may be on a link of its own. */
function linkTo(route: RtnetlinkConnection, dst: string): number | undefined {
  try {
    return route.routeTo({ dst })?.oif;
  } catch (error) {
    if (error instanceof NetlinkError && error.cause === undefined) {
      return undefined;
    }
    throw error;
  }
}
