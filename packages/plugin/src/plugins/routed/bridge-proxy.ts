/**
 * Pods of the bridge layout that still run on the node. To them the whole pod network is on the bridge's link, so the
 * bridge answers their ARP and neighbour solicitations for routed pods.
 */
import { delNeighbour, newNeighbour } from '@cnikit/netlink';
import { deviceIndex, openRtnetlink, type RtnetlinkCore, setLink } from '@cnikit/netlink/short-lived';
import { ignoreErrno, type Sys } from '@cnikit/sys';
import { isIPv6, withoutLength } from '../../lib/prefix.ts';
import { readFileIfExists } from '../../lib/read-file-if-exists.ts';
import { ensureSysctl } from '../../netns/sysctl.ts';

/** `rtm_protocol` of the routes to pods, which the agent ignores when it looks for ways to other nodes. */
export const ROUTE_PROTOCOL = 202;

interface Address {
  address: string;
}

/** Makes the bridge, where there is one, answer for the pod's addresses at once. */
export function answerForPod(sys: Sys, host: RtnetlinkCore, bridge: string, ips: readonly Address[]): void {
  const index = deviceIndex(host, bridge);
  if (index === undefined) {
    return;
  }
  const ipv6 = ips.filter(({ address }) => isIPv6(address));
  // The kernel's default is to answer for others after a random delay of up to 0.8 s.
  for (const family of ipv6.length > 0 ? ['ipv4', 'ipv6'] : ['ipv4']) {
    ensureSysctl(sys, `/proc/sys/net/${family}/neigh/${bridge}/proxy_delay`, '0');
  }
  if (ipv6.length > 0) {
    ensureSysctl(sys, `/proc/sys/net/ipv6/conf/${bridge}/proxy_ndp`, '1');
  }
  host.batch([
    setLink({ index, ipv4Conf: { proxyArp: 1 } }),
    ...ipv6.map(({ address }) => newNeighbour({ index, address: withoutLength(address), proxy: true })),
  ]);
}

/** Makes a new bridge answer for the routed pods, after a change of the layout. */
export function answerForRoutedPods(sys: Sys, host: RtnetlinkCore, bridge: string): void {
  const routes = host.routes({ table: 'main', protocol: ROUTE_PROTOCOL });
  if (routes.length > 0) {
    answerForPod(
      sys,
      host,
      bridge,
      routes.map(({ dst }) => ({ address: dst })),
    );
  }
}

/** Returns false when the bridge has no address for {@link stopAnswering}: only those of IPv6 are listed at the bridge. */
export function answersForPods(sys: Sys, bridge: string): boolean {
  return readFileIfExists(sys, `/proc/sys/net/ipv6/conf/${bridge}/proxy_ndp`) === '1\n';
}

/** Ends {@link answerForPod} for these addresses. */
export function stopAnswering(sys: Sys, bridge: string, ips: readonly Address[]): void {
  const ipv6 = ips.filter(({ address }) => isIPv6(address));
  if (ipv6.length === 0) {
    return;
  }
  const host = openRtnetlink({ sys });
  try {
    const index = deviceIndex(host, bridge);
    for (const { address } of index === undefined ? [] : ipv6) {
      ignoreErrno('ENOENT', () =>
        host.request(delNeighbour({ index: index!, address: withoutLength(address), proxy: true })),
      );
    }
  } finally {
    host.close();
  }
}
