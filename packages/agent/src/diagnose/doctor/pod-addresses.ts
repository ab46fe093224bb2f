/** The addresses inside of the pods of this node, without entering or mounting a namespace. */
import { NetlinkError, type RtnetlinkConnection } from '@cnikit/netlink';
import { hostVethPrefix } from '@cnikit/plugin';
import { NETWORK_NAME } from '../../core/names.ts';
import type { PodAddress } from './facts.ts';

const SCOPE_UNIVERSE = 0;

/** By the id that the host's namespace has for the namespace of a link's other end. */
export function podAddresses(rt: RtnetlinkConnection): PodAddress[] {
  const prefix = hostVethPrefix(NETWORK_NAME);
  return rt
    .links({ kind: 'veth' })
    .filter(({ name, linkNetnsId }) => name.startsWith(prefix) && linkNetnsId !== undefined)
    .flatMap(({ name: link, linkNetnsId, linkIndex }) =>
      addressesOf(rt, linkNetnsId!)
        .filter(({ index, scope }) => index === linkIndex && scope === SCOPE_UNIVERSE)
        .map(({ address }) => ({ link, address: address.split('/')[0]! })),
    );
}

function addressesOf(rt: RtnetlinkConnection, netnsId: number): ReturnType<RtnetlinkConnection['addresses']> {
  try {
    return rt.addresses({ netnsId });
  } catch (error) {
    // It went in between, or we may not look into it.
    if (error instanceof NetlinkError) {
      return [];
    }
    throw error;
  }
}
