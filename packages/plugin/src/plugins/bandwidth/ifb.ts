/** The ifb device for a pod's outgoing packets: the kernel shapes only packets that leave a device. */
import type { Context } from '@cnikit/cni-spec';
import { delLink, delLinkGroup, type Link } from '@cnikit/netlink';
import { formatMac } from '@cnikit/netlink/codec';
import {
  decodeLinkSummary,
  deviceIndex,
  type LinkSummary,
  openRtnetlink,
  type RtnetlinkCore,
} from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { deleteLinks, requestDeletion } from '../../links/attachment-links.ts';
import { furtherIfbName, type InterfaceAttachment, ifbName } from '../../links/ifb-name.ts';
import { hostVethPrefix } from '../../links/names.ts';
import { blockOf, POD_GROUPS, POD_GROUPS_SIZE } from '../../links/pod-groups.ts';

/**
 * Returns a MAC address for the device. Its first bytes identify the network, for GC: the device's name does not. Its last
 * byte follows from the interface. An alias would be clearer, but it needs a second request, and the process may be
 * killed in between.
 */
export function ifbMac(network: string, ifName: string): string {
  return formatMac(macOf(OF_INTERFACE, network, interfaceByte(ifName)));
}

/** First bytes of MAC addresses, locally administered. The last byte is random, as in earlier versions. */
const RANDOM = 0x02;
/** The last byte follows from the interface. */
const OF_INTERFACE = 0x06;

/** Length of the text of all bytes but the last. */
const NETWORK_TEXT = 'xx:xx:xx:xx:xx'.length;

/** Returns a MAC address with the last four characters of the network's prefix of host end names. */
function macOf(first: number, network: string, last: number): Uint8Array {
  const prefix = hostVethPrefix(network);
  const mac = Uint8Array.of(first, 0, 0, 0, 0, last);
  for (let i = 1; i <= 4; i++) {
    mac[i] = prefix.charCodeAt(prefix.length - 5 + i);
  }
  return mac;
}

/** Returns true for the MAC address of a device of the network, which starts with that byte. */
const isOf = (mac: string | undefined, first: number, network: string): boolean =>
  mac?.slice(0, NETWORK_TEXT) === formatMac(macOf(first, network, 0)).slice(0, NETWORK_TEXT);

function interfaceByte(ifName: string): number {
  let hash = 0;
  for (const letter of ifName) {
    hash = (hash * 31 + letter.charCodeAt(0)) & 0xff;
  }
  return hash;
}

/** Returns true for the device of another interface of the same container. */
export function isOfOtherInterface(
  { mac }: Pick<Link, 'mac'>,
  { network, ifName }: Omit<InterfaceAttachment, 'containerID'>,
): boolean {
  return mac !== ifbMac(network, ifName) && isOf(mac, OF_INTERFACE, network);
}

/** Returns the attachment's device, if it has one. */
export function findIfb(host: RtnetlinkCore, attachment: InterfaceAttachment): LinkSummary | undefined {
  for (const name of [ifbName(attachment), furtherIfbName(attachment)]) {
    // Most pods have none, and this is the cheapest way to find out.
    const ifb = deviceIndex(host, name) === undefined ? undefined : host.link({ name }, decodeLinkSummary);
    if (ifb !== undefined && !isOfOtherInterface(ifb, attachment)) {
      return ifb;
    }
  }
  return undefined;
}

/**
 * Returns the link group for a device and its pod's host end only; undefined when the index is too large.
 *
 * @param hostGroup link group of the host end before
 */
export function groupOf({ index }: Pick<Link, 'index'>, hostGroup: number | undefined): number | undefined {
  return index < POD_GROUPS_SIZE ? (blockOf(hostGroup) ?? POD_GROUPS) + index : undefined;
}

/** Deletes the attachment's device, if any, and its host end when both are in their own group. Returns true in that case. */
export function deleteIfb(host: RtnetlinkCore, attachment: InterfaceAttachment): boolean {
  const ifb = findIfb(host, attachment);
  if (ifb === undefined) {
    return false;
  }
  const group = groupOf(ifb, ifb.group);
  const grouped = group !== undefined && ifb.group === group;
  requestDeletion(host, grouped ? delLinkGroup(group) : delLink({ index: ifb.index }), ifb.name);
  return grouped;
}

/**
 * Deletes the devices of this network whose attachment the runtime does not list. Deletes none when there is no list.
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
    const attachments = valid.map(({ containerID, ifname }) => ({ network, containerID, ifName: ifname }));
    const isOurs = ({ mac }: Link) => [RANDOM, OF_INTERFACE].some((first) => isOf(mac, first, network));
    const isValid = (link: Link) =>
      attachments.some(
        (one) => !isOfOtherInterface(link, one) && [ifbName(one), furtherIfbName(one)].includes(link.name),
      );
    return deleteLinks(
      host,
      host.links({ kind: 'ifb' }).filter((link) => isOurs(link) && !isValid(link)),
    );
  } finally {
    host.close();
  }
}
