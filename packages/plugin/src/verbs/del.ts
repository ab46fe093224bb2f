import type { Context } from '@cnikit/cni-spec';
import { delLink, NetlinkError, openRoute, type RouteConnection } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { openPool } from '../capabilities/pool.ts';
import type { BridgeSettings } from '../config.ts';
import { hostVethName } from '../names.ts';
import { openPodNamespaceIfThere } from '../netns.ts';

/**
 * DEL: the link first, then its addresses, so that no address is given out while a pod still has it.
 *
 * Needs neither the namespace nor a prevResult; what is not there is as good as deleted.
 */
export function del(sys: Sys, { conf, containerID, ifName, netns, args }: Context<BridgeSettings>): void {
  const pool = openPool(sys, conf, args);
  const host = openRoute({ sys });
  try {
    // The peer goes with the host end. An interface that another plugin made has no host end of our naming.
    if (!deleteLink(host, hostVethName(conf.network, containerID, ifName))) {
      deleteInside(sys, netns, ifName);
    }
  } finally {
    host.close();
  }
  pool?.ipam.del({ containerID, ifName });
}

function deleteInside(sys: Sys, netns: string, ifName: string): void {
  const pod = openPodNamespaceIfThere(sys, netns);
  if (pod === undefined) return;
  try {
    deleteLink(pod.route, ifName);
  } finally {
    pod.close();
  }
}

/** False when there is no link of that name. */
function deleteLink(route: RouteConnection, name: string): boolean {
  try {
    route.request(delLink({ name }));
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENODEV') return false;
    throw error;
  }
}
