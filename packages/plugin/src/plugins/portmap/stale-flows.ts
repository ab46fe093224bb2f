import { families } from '@cnikit/ip';
import { ConntrackConnection, openConntrack } from '@cnikit/netlink/conntrack';
import type { NftConnection } from '@cnikit/netlink/nftables';
import type { Sys } from '@cnikit/sys';
import { isWithoutNftables } from '../../nat/nftables.ts';
import type { HostPort } from './host-port.ts';

const IPPROTO_UDP = 17;

/**
 * Deletes conntrack entries of UDP flows to host ports whose rules have just changed. The kernel applies NAT rules to new
 * flows only, so known flows would continue to reach the previous pod.
 *
 * @param nft connection to reuse; a new one is opened if absent
 */
export function forgetStaleFlows(sys: Sys, ports: readonly HostPort[], nft?: NftConnection): void {
  const udp = ports.filter(({ protocol }) => protocol === 'udp');
  if (udp.length === 0) {
    return;
  }
  try {
    const conntrack = nft ? new ConntrackConnection(nft.connection) : openConntrack({ sys });
    try {
      for (const family of families) {
        for (const { hostPort, hostIP, family: only } of udp) {
          if (only !== undefined && only !== family) {
            continue;
          }
          conntrack.delete(family, () => true, {
            protocol: IPPROTO_UDP,
            destinationPort: hostPort,
            ...(hostIP === undefined ? {} : { destination: hostIP }),
          });
        }
      }
    } finally {
      if (nft === undefined) {
        conntrack.close();
      }
    }
  } catch (error) {
    // The kernel has no conntrack over netlink.
    if (!isWithoutNftables(error)) {
      throw error;
    }
  }
}
