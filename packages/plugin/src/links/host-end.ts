/** The node's end of an attachment's veth pair. */

import type { Interface } from '@cnikit/cni-spec';
import type { Link } from '@cnikit/netlink';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';
import { hostVethName } from './names.ts';

/** An attachment to a network. */
export interface AttachmentRef {
  network: string;
  containerID: string;
  ifName: string;
}

/** The name that a host end should have, and its link if it exists. */
export interface FoundHostEnd {
  name: string;
  link: Link | undefined;
}

/**
 * Finds the host end that a result lists: by its name when cnikit created the pair, otherwise as the peer of the pod's
 * interface. Upstream chooses a random name.
 *
 * @param interfaces interfaces of the result; a result before CNI 0.3.0 lists none
 * @param others interfaces of the node that are not the host end, such as the bridge
 */
export function findHostEnd(
  host: RtnetlinkCore,
  pod: RtnetlinkCore,
  { network, containerID, ifName }: AttachmentRef,
  interfaces: readonly Interface[],
  others: readonly string[] = [],
): FoundHostEnd {
  const ours = hostVethName(network, containerID, ifName);
  const listed = interfaces.filter(({ name, sandbox }) => !sandbox && !others.includes(name));
  const names = listed.map(({ name }) => name);
  if (names.includes(ours)) {
    return { name: ours, link: host.link({ name: ours }) };
  }
  const end = pod.link({ name: ifName });
  const peer = end?.kind === 'veth' && end.link !== undefined ? host.link({ index: end.link }) : undefined;
  if (peer !== undefined && (names.length === 0 || names.includes(peer.name))) {
    return { name: peer.name, link: peer };
  }
  return { name: names.find((name) => name.startsWith('veth')) ?? names[0] ?? ours, link: undefined };
}
