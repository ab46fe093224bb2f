/** Reads the addresses inside this node's pods without entering or mounting their namespaces. */
import { NetlinkError, type RtnetlinkConnection } from '@cnikit/netlink';
import { hostVethPrefix } from '@cnikit/plugin';
import { NETWORK_NAME } from '../../core/names.ts';
import type { PodAddress } from './facts.ts';

/** Addresses each pod's namespace by the netns id of its veth's peer. */
export function podAddresses(rt: RtnetlinkConnection): PodAddress[] {
  const prefix = hostVethPrefix(NETWORK_NAME);
  return rt
    .links({ kind: 'veth' })
    .filter(({ name, linkNetnsId }) => name.startsWith(prefix) && linkNetnsId !== undefined)
    .flatMap(({ name: link, linkNetnsId, link: peer }) =>
      addressesOf(rt, linkNetnsId!)
        .filter(({ index, scope }) => index === peer && scope === 'global')
        .map(({ address }) => ({ link, address: address.split('/')[0]! })),
    );
}

function addressesOf(rt: RtnetlinkConnection, netnsId: number): ReturnType<RtnetlinkConnection['addresses']> {
  try {
    return rt.addresses({ netnsId });
  } catch (error) {
    // The namespace has gone, or we lack permission.
    if (error instanceof NetlinkError) {
      return [];
    }
    throw error;
  }
}
