/** Links that belong to attachments: found by the host end's name alone, so that no state is needed. */
import type { Attachment, Context } from '@cnikit/cni-spec';
import {
  delLink,
  type Link,
  type LinkRef,
  NetlinkError,
  openRoute,
  type RouteConnection,
} from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import type { NetworkSettings } from './ipam.ts';
import { hostVethName, hostVethPrefix } from './names.ts';
import { openPodNamespaceIfThere } from './netns.ts';

/** Deletes the attachment's veth pair, or an interface that another plugin made under its name in the pod. */
export function deleteAttachmentLink(
  sys: Sys,
  { conf, containerID, ifName, netns }: Context<NetworkSettings>,
): void {
  // An interface that another plugin made has no host end of our naming.
  if (deleteHostEnd(sys, hostVethName(conf.network, containerID, ifName))) return;
  const pod = openPodNamespaceIfThere(sys, netns);
  if (pod === undefined) return;
  try {
    deleteLink(pod.route, { name: ifName });
  } finally {
    pod.close();
  }
}

/** Deletes a host end and with it the pod's. False when there is none. Its connection is its own, lest the one that failed be used. */
export function deleteHostEnd(sys: Sys, name: string): boolean {
  const host = openRoute({ sys });
  try {
    return deleteLink(host, { name });
  } finally {
    host.close();
  }
}

/**
 * Deletes the host ends of this network whose attachment the runtime does not list; none when it has no list.
 * Goes on after a failure.
 *
 * @param bridge looks at this bridge's ports only
 * @returns what could not be deleted and why
 */
export function collectLinks(
  sys: Sys,
  { conf, validAttachments }: Context<NetworkSettings>,
  bridge?: string,
): string[] {
  if (validAttachments === undefined) return [];
  const host = openRoute({ sys });
  try {
    const master = bridge === undefined ? undefined : host.link({ name: bridge })?.index;
    if (bridge !== undefined && master === undefined) return [];
    const links = host.links({ kind: 'veth', ...(master === undefined ? {} : { master }) });
    return deleteUnlisted(
      host,
      { network: conf.network, valid: validAttachments },
      links,
      ({ name }) => name,
    );
  } finally {
    host.close();
  }
}

/**
 * Deletes those of the links that belong to an attachment of the network that the runtime does not list. Goes on after
 * a failure.
 *
 * @param nameOf the host end's name of the attachment that a link belongs to
 * @returns what could not be deleted and why
 */
export function deleteUnlisted(
  host: RouteConnection,
  { network, valid }: { network: string; valid: readonly Attachment[] },
  links: readonly Link[],
  nameOf: (link: Link) => string | undefined,
): string[] {
  const keep = new Set(valid.map((one) => hostVethName(network, one.containerID, one.ifname)));
  const prefix = hostVethPrefix(network);
  const failed: string[] = [];
  for (const link of links) {
    const name = nameOf(link);
    if (name === undefined || !name.startsWith(prefix) || keep.has(name)) continue;
    try {
      deleteLink(host, { index: link.index });
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      failed.push(error.message);
    }
  }
  return failed;
}

/** False when there is no such link. */
export function deleteLink(route: RouteConnection, ref: LinkRef): boolean {
  try {
    route.request(delLink(ref));
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENODEV') return false;
    throw error;
  }
}
