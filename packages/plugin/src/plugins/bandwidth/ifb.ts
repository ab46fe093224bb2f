/** The device that a pod's outgoing packets pass, for only what leaves a device can be shaped. */
import type { Context } from '@cnikit/cni-spec';
import {
  decodeLinkSummary,
  delLink,
  delLinkGroup,
  type Link,
  openRtnetlink,
  type RtnetlinkConnection,
} from '@cnikit/netlink';
import { formatMac } from '@cnikit/netlink/codec';
import type { Sys } from '@cnikit/sys';
import { deleteLinks, requestDeletion } from '../../links/attachment-links.ts';
import { type Attachment, ifbName } from '../../links/ifb-name.ts';
import { hostVethPrefix } from '../../links/names.ts';

/**
 * A MAC address for the device, whose first bytes say which network it belongs to: its name does not, and GC has to
 * know. An alias would say it better, but comes after the device, and a kill may come between.
 */
export function ifbMac(sys: Sys, network: string): string {
  return formatMac(Uint8Array.of(...ownerBytes(network), ...sys.randomBytes(1)));
}

/** Locally administered, and the four letters by which the network's host ends are told from others. */
function ownerBytes(network: string): number[] {
  return [0x02, ...[...hostVethPrefix(network).slice(-4)].map((letter) => letter.charCodeAt(0))];
}

/** Beyond what people number their groups by. */
const GROUPS = 0x63000000;
const GROUPS_SIZE = 0x1000000;

/** The group of a device and its pod's host end, which no other device has; undefined where the index is too large. */
export function groupOf({ index }: Pick<Link, 'index'>): number | undefined {
  return index < GROUPS_SIZE ? GROUPS + index : undefined;
}

/** Deletes the attachment's device if there is one, and its host end where the two are in a group of theirs; says whether they were. */
export function deleteIfb(host: RtnetlinkConnection, attachment: Attachment): boolean {
  const ifb = host.link({ name: ifbName(attachment) }, decodeLinkSummary);
  if (ifb === undefined) {
    return false;
  }
  const group = groupOf(ifb);
  const grouped = group !== undefined && ifb.group === group;
  requestDeletion(host, grouped ? delLinkGroup(group) : delLink({ index: ifb.index }), ifb.name);
  return grouped;
}

/**
 * Deletes the devices of this network whose container the runtime does not list; none when it has no list. Those that
 * the reference made say nothing of their network: GC of the plugin that attached the pod sees to them
 * (attachment/upstream-gc.ts). Goes on after a failure.
 *
 * @returns what could not be deleted and why
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
