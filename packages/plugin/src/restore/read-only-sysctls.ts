import { openRtnetlink, setLink } from '@cnikit/netlink/short-lived';
import { type Sys, SysError } from '@cnikit/sys';

const ROUTE_LOCALNET = /^\/proc\/sys\/net\/ipv4\/conf\/([^/]+)\/route_localnet$/;
const OF_BRIDGE =
  /^\/proc\/sys\/net\/(ipv6\/conf\/[^/]+\/(accept_ra|proxy_ndp)|ipv[46]\/neigh\/[^/]+\/proxy_delay)$/;
const REFUSALS: readonly string[] = ['EROFS', 'EACCES', 'EPERM'];

/**
 * Returns `sys` for a process whose /proc/sys is read-only, as in the agent's container. Netlink sets route_localnet of
 * a link. Refused settings of a new bridge stay as they are: a node that forwards ignores advertisements, and the
 * agent has the next ADD, which runs on the host, set them.
 */
export function withReadOnlySysctls(sys: Sys): Sys {
  return {
    ...sys,
    writeText(path, text, options) {
      try {
        sys.writeText(path, text, options);
      } catch (error) {
        const refused = error instanceof SysError && REFUSALS.includes(error.code);
        const link = ROUTE_LOCALNET.exec(path)?.[1];
        if (!refused || (link === undefined && !OF_BRIDGE.test(path))) {
          throw error;
        }
        if (link !== undefined) {
          setRouteLocalnet(sys, link, Number(text));
        }
      }
    },
  };
}

function setRouteLocalnet(sys: Sys, name: string, routeLocalnet: number): void {
  const host = openRtnetlink({ sys });
  try {
    host.request(setLink({ name, ipv4Conf: { routeLocalnet } }));
  } finally {
    host.close();
  }
}
