/** The layouts of the pods that run on this node. */
import type { RtnetlinkConnection } from '@cnikit/netlink';
import { hostVethPrefix } from '@cnikit/plugin';
import type { Layout } from '../core/model.ts';
import { isRoutedEnd, NETWORK_NAME } from '../core/names.ts';

/** Returns the host ends of the network's pods. */
export function podEnds<T extends { name: string }>(links: readonly T[]): T[] {
  const prefix = hostVethPrefix(NETWORK_NAME);
  return links.filter(({ name }) => name.startsWith(prefix));
}

/** Counts the running pods by layout. */
export function podLayouts(rt: RtnetlinkConnection): Record<Layout, number> {
  const ends = podEnds(rt.links({ kind: 'veth' }));
  const routed = ends.filter(isRoutedEnd).length;
  return { bridge: ends.length - routed, routed };
}
