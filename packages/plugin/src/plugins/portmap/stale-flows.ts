import { families } from '@cnikit/ip';
import { ConntrackConnection, openConntrack } from '@cnikit/netlink/conntrack';
import type { NftConnection } from '@cnikit/netlink/nftables';
import type { Sys } from '@cnikit/sys';
import { isWithoutNftables } from '../../nat/nftables.ts';
import type { HostPort } from './host-port.ts';

const IPPROTO_UDP = 17;

/**
 * Forgets the UDP "connections" to ports of the node whose rules have just changed: what is known already is not looked
 * up in the rules again, and would go on to the pod of before for as long as somebody sends.
 *
 * @param nft whose socket will do; otherwise one is opened
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
    // A kernel that does not tell its connections cannot be made to forget one.
    if (!isWithoutNftables(error)) {
      throw error;
    }
  }
}
