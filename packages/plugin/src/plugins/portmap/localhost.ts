import { NetlinkError } from '@cnikit/netlink';
import { decodeLinkSummary, openRtnetlink, type RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { withoutLength } from '../../lib/prefix.ts';
import { ensureSysctl } from '../../netns/sysctl.ts';

/**
 * Allows packets from 127.0.0.1 to leave on the link to the pod, so that the node reaches the pod through its own host
 * ports. By default the kernel drops them. The port map masquerades them.
 *
 * @param address IPv4 address of the pod; without one nothing changes
 * @param link name of the link, if known
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

/** Returns the link to the pod; undefined when the node has no route to it. */
function linkTo(route: RtnetlinkCore, dst: string): number | undefined {
  try {
    return route.routeTo({ dst })?.oif;
  } catch (error) {
    if (error instanceof NetlinkError && error.cause === undefined) {
      return undefined;
    }
    throw error;
  }
}
