/** Links of attachments. They are found by the host end's name alone, which needs no state. */
import type { Context } from '@cnikit/cni-spec';
import { delLink, type Link, NetlinkError, type Request } from '@cnikit/netlink';
import {
  deleteLinkDetached,
  deviceIndex,
  openRtnetlink,
  type RtnetlinkCore,
} from '@cnikit/netlink/short-lived';
import { ignoreErrno, type Sys } from '@cnikit/sys';
import type { NetworkSettings } from '../ipam/pod-ipam.ts';
import { openPodNamespaceIfExists } from '../netns/pod-namespace.ts';
import { hostVethName, hostVethPrefix } from './names.ts';

/** Deletes a host end together with other links of its attachment; returns false when it did not delete the host end. */
export type HostEndRemoval = (host: RtnetlinkCore) => boolean;

/**
 * Deletes the attachment's veth pair, or an interface of that name in the pod that another plugin created.
 *
 * @param removals removals of features; the first one that deletes the host end ends the search
 */
export function deleteAttachmentLink(
  sys: Sys,
  { conf, containerID, ifName, netns }: Context<NetworkSettings>,
  removals: readonly HostEndRemoval[] = [],
): void {
  const name = hostVethName(conf.network, containerID, ifName);
  // The interface of another plugin has no host end with our name.
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

/** Deletes a host end, and the pod's end with it. Opens a new connection, because the caller's may have failed. */
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
 * Deletes the host ends of this network whose attachment the runtime does not list. Deletes none when there is no list.
 * Continues after a failure.
 *
 * @param bridge restricts the search to the ports of this bridge
 * @returns the failures
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
    const links = host.links({ kind: 'veth', master });
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
 * Deletes the links. Continues after a failure.
 *
 * @returns the failures
 */
export function deleteLinks(host: RtnetlinkCore, links: readonly Link[]): string[] {
  const failed: string[] = [];
  for (const { index } of links) {
    try {
      deletes(() => host.request(delLink({ index })));
    } catch (error) {
      if (!(error instanceof NetlinkError)) {
        throw error;
      }
      failed.push(error.message);
    }
  }
  return failed;
}

/** Returns false when the link does not exist. */
function deleteNamed(route: RtnetlinkCore, name: string): boolean {
  const index = deviceIndex(route, name);
  return index !== undefined && requestDeletion(route, delLink({ index }), name);
}

/**
 * Deletes the link of that name, and others if the request is for a group. Returns false when the kernel finds no such
 * link. The request identifies links by index or group, never by name: when two DELs race, the slower one's child may run
 * after the runtime has re-added the pod under the same name.
 */
export function requestDeletion(route: RtnetlinkCore, request: Request, name: string): boolean {
  return deletes(() => deleteLinkDetached(route, request, name));
}

/** Returns false when the link does not exist. */
function deletes(deletion: () => void): boolean {
  const done = ignoreErrno('ENODEV', () => {
    deletion();
    return true;
  });
  return done === true;
}
