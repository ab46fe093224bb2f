/** Links that belong to attachments: found by the host end's name alone, so that no state is needed. */
import type { Context } from '@cnikit/cni-spec';
import { delLink, NetlinkError, openRoute, type RouteConnection } from '@cnikit/netlink';
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
    deleteLink(pod.route, ifName);
  } finally {
    pod.close();
  }
}

/** Deletes a host end and with it the pod's. False when there is none. Its connection is its own, lest the one that failed be used. */
export function deleteHostEnd(sys: Sys, name: string): boolean {
  const host = openRoute({ sys });
  try {
    return deleteLink(host, name);
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
  const keep = new Set(
    validAttachments.map((one) => hostVethName(conf.network, one.containerID, one.ifname)),
  );
  const prefix = hostVethPrefix(conf.network);
  const failed: string[] = [];
  const host = openRoute({ sys });
  try {
    const master = bridge === undefined ? undefined : host.link({ name: bridge })?.index;
    if (bridge !== undefined && master === undefined) return [];
    for (const { name, index } of host.links({ kind: 'veth', ...(master === undefined ? {} : { master }) })) {
      if (!name.startsWith(prefix) || keep.has(name)) continue;
      try {
        host.request(delLink({ index }));
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        if (error.code !== 'ENODEV') failed.push(error.message);
      }
    }
  } finally {
    host.close();
  }
  return failed;
}

/** False when there is no link of that name. */
function deleteLink(route: RouteConnection, name: string): boolean {
  try {
    route.request(delLink({ name }));
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENODEV') return false;
    throw error;
  }
}
