import type { Sys } from '@cnikit/sys';
import type { CachedAttachment } from './cached-attachments.ts';

/** MAC addresses of the links of this node by name. */
export type Links = ReadonlyMap<string, string | undefined>;

/**
 * Returns true when the node has a host end that the result of the ADD names, or for a result without host end, the pod's
 * namespace. The kernel deletes the host end with the namespace.
 */
export function hasHostEndOrNamespace(
  sys: Sys,
  { hostLinks, netns }: CachedAttachment,
  links: Links,
): boolean {
  const ends = hostLinks.filter(({ name }) => name.startsWith('veth'));
  return ends.length > 0
    ? ends.some(({ name, mac }) => links.has(name) && (mac === undefined || links.get(name) === mac))
    : sys.statIfExists(netns) !== undefined;
}
