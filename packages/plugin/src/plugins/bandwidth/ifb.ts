/** The ifb device for a pod's outgoing packets: the kernel shapes only packets that leave a device. */
import type { Context } from '@cnikit/cni-spec';
import { delLink, delLinkGroup, type Link, openRtnetlink, type RtnetlinkConnection } from '@cnikit/netlink';
import { formatMac } from '@cnikit/netlink/codec';
import { decodeLinkSummary, deviceIndex } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { deleteLinks, requestDeletion } from '../../links/attachment-links.ts';
import { type Attachment, ifbName } from '../../links/ifb-name.ts';
import { hostVethPrefix } from '../../links/names.ts';

/**
 * Returns a MAC address for the device. Its first bytes identify the network, for GC: the device's name does not. An
 * alias would be clearer, but it needs a second request, and the process may be killed in between.
 */
export function ifbMac(sys: Sys, network: string): string {
  return formatMac(Uint8Array.of(...ownerBytes(network), ...sys.randomBytes(1)));
}

/** The MAC prefix of a network: locally administered, and the four characters of its host end names. */
function ownerBytes(network: string): number[] {
  return [0x02, ...[...hostVethPrefix(network).slice(-4)].map((letter) => letter.charCodeAt(0))];
}

/** First group number in use, above those that administrators use. */
const GROUPS = 0x63000000;
const GROUPS_SIZE = 0x1000000;

/** Returns the link group for a device and its pod's host end only; undefined when the index is too large. */
export function groupOf({ index }: Pick<Link, 'index'>): number | undefined {
  return index < GROUPS_SIZE ? GROUPS + index : undefined;
}

/** Deletes the attachment's device, if any, and its host end when both are in their own group. Returns true in that case. */
export function deleteIfb(host: RtnetlinkConnection, attachment: Attachment): boolean {
  const name = ifbName(attachment);
  // Most pods have none, and this is the cheapest way to find out.
  const ifb = deviceIndex(host, name) === undefined ? undefined : host.link({ name }, decodeLinkSummary);
  if (ifb === undefined) {
    return false;
  }
  const group = groupOf(ifb);
  const grouped = group !== undefined && ifb.group === group;
  requestDeletion(host, grouped ? delLinkGroup(group) : delLink({ index: ifb.index }), ifb.name);
  return grouped;
}

/**
 * Deletes the devices of this network whose container the runtime does not list. Deletes none when there is no list.
 * Devices of upstream do not identify their network; GC of the plugin that attached the pod deletes them
 * (attachment/upstream-gc.ts). Continues after a failure.
 *
 * @returns the failures
 */
export function collectIfbs(
  sys: Sys,
  network: string,
  valid: Context<unknown>['validAttachments'],
): string[] {
  if (valid === undefined) {
    return [];
  }
  const host = openRtnetlink({ sys });
  try {
    const own = formatMac(Uint8Array.of(...ownerBytes(network)));
    const keep = new Set(valid.map(({ containerID }) => ifbName({ network, containerID })));
    const links = host.links({ kind: 'ifb' });
    return deleteLinks(
      host,
      links.filter(({ name, mac }) => mac?.startsWith(own) && !keep.has(name)),
    );
  } finally {
    host.close();
  }
}
