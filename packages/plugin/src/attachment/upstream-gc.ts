/**
 * Garbage collection for the upstream plugins `portmap` and `bandwidth`. Their rules and devices do not name their
 * network, and a container may be in several. The network's reservations help: each names the container and the address
 * that the rules lead to. The name of a device follows from network and container.
 */
import type { Context } from '@cnikit/cni-spec';
import { openRtnetlink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import type { Reservation } from '../ipam/pod-ipam.ts';
import { deleteLinks } from '../links/attachment-links.ts';
import { ifbName } from '../links/ifb-name.ts';
import { udpPortsOfRules } from '../nat/chain-ports.ts';
import type { HostPort } from '../nat/host-port.ts';
import { tablesOf, whereNftables } from '../nat/nftables.ts';
import { forgetStaleFlows } from '../nat/stale-flows.ts';
import { commitTogether } from '../nat/transaction.ts';
import { upstreamPortsCollection } from '../nat/upstream-nftables.ts';

/**
 * Removes rules and devices of attachments that the runtime does not list. Call it before the reservations are freed.
 *
 * @param stale the network's reservations for attachments that are not listed
 * @returns the failures
 */
export function collectUpstreamLeftovers(
  sys: Sys,
  { validAttachments = [] }: Pick<Context<unknown>, 'validAttachments'>,
  network: string,
  stale: readonly Reservation[],
): string[] {
  if (stale.length === 0) {
    return [];
  }
  whereNftables(sys, (nft) => {
    const ports: HostPort[] = [];
    const take = (rules: Parameters<typeof udpPortsOfRules>[0]) => void ports.push(...udpPortsOfRules(rules));
    commitTogether(nft, upstreamPortsCollection(tablesOf(nft), stale, take));
    forgetStaleFlows(sys, ports, nft);
  });
  const live = new Set(validAttachments.map(({ containerID }) => containerID));
  const names = new Set(
    stale
      .map(({ containerID }) => containerID)
      .filter((containerID) => !live.has(containerID))
      .map((containerID) => ifbName({ network, containerID })),
  );
  const host = openRtnetlink({ sys });
  try {
    return deleteLinks(
      host,
      host.links({ kind: 'ifb' }).filter(({ name }) => names.has(name)),
    );
  } finally {
    host.close();
  }
}
