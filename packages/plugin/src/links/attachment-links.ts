/** Links that belong to attachments: found by the host end's name alone, so that no state is needed. */
import type { Context } from '@cnikit/cni-spec';
import {
  delLink,
  type Link,
  NetlinkError,
  openRtnetlink,
  type Request,
  type RtnetlinkConnection,
} from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import type { NetworkSettings } from '../ipam/pod-ipam.ts';
import { openPodNamespaceIfExists } from '../netns/pod-namespace.ts';
import { hostVethName, hostVethPrefix } from './names.ts';

/** Deletes a host end with other links of its attachment; false when there was nothing that the host end is part of. */
export type HostEndRemoval = (host: RtnetlinkConnection) => boolean;

/**
 * Deletes the attachment's veth pair, or an interface that another plugin made under its name in the pod.
 *
 * @param removals of features; the first that deletes the host end does it for all
 */
export function deleteAttachmentLink(
  sys: Sys,
  { conf, containerID, ifName, netns }: Context<NetworkSettings>,
  removals: readonly HostEndRemoval[] = [],
): void {
  const name = hostVethName(conf.network, containerID, ifName);
  // An interface that another plugin made has no host end of our naming.
  if (deleteHostEndBy(sys, [...removals, (host) => deleteNamed(host, name)])) {
    return;
  }
  const pod = openPodNamespaceIfExists(sys, netns);
  if (pod === undefined) {
    return;
  }
  try {
    deleteNamed(pod.route, ifName);
  } finally {
    pod.close();
  }
}

/** Deletes a host end and with it the pod's. Its connection is its own, lest the one that failed be used. */
export function deleteHostEnd(sys: Sys, name: string): void {
  deleteHostEndBy(sys, [(host) => deleteNamed(host, name)]);
}

function deleteHostEndBy(sys: Sys, removals: readonly HostEndRemoval[]): boolean {
  const host = openRtnetlink({ sys });
  try {
    return removals.some((remove) => remove(host));
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
  if (validAttachments === undefined) {
    return [];
  }
  const host = openRtnetlink({ sys });
  try {
    const master = bridge === undefined ? undefined : host.link({ name: bridge })?.index;
    if (bridge !== undefined && master === undefined) {
      return [];
    }
    const links = host.links({ kind: 'veth', ...(master === undefined ? {} : { master }) });
    const prefix = hostVethPrefix(conf.network);
    const keep = new Set(
      validAttachments.map((one) => hostVethName(conf.network, one.containerID, one.ifname)),
    );
    return deleteLinks(
      host,
      links.filter(({ name }) => name.startsWith(prefix) && !keep.has(name)),
    );
  } finally {
    host.close();
  }
}

/**
 * Deletes the links. Goes on after a failure.
 *
 * @returns what could not be deleted and why
 */
export function deleteLinks(host: RtnetlinkConnection, links: readonly Link[]): string[] {
  const failed: string[] = [];
  for (const { index } of links) {
    try {
      isThere(() => host.request(delLink({ index })));
    } catch (error) {
      if (!(error instanceof NetlinkError)) {
        throw error;
      }
      failed.push(error.message);
    }
  }
  return failed;
}

/** False when there is no such link. */
function deleteNamed(route: RtnetlinkConnection, name: string): boolean {
  const index = route.deviceIndex(name);
  return index !== undefined && requestDeletion(route, delLink({ index }), name);
}

/**
 * Has one or several links deleted, of which one has that name; false when what it is about is not there. The request
 * says which by index or group, which no later link has: of two DELs at once the slower one's child may ask when the other's
 * has long had its way, and the runtime has added the pod again, with a link of the same name.
 */
export function requestDeletion(route: RtnetlinkConnection, request: Request, name: string): boolean {
  return isThere(() => route.deleteLinkDetached(request, name));
}

function isThere(deletion: () => void): boolean {
  try {
    deletion();
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENODEV') {
      return false;
    }
    throw error;
  }
}
