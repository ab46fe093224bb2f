/** The device that a pod's outgoing packets pass, for only what leaves a device can be shaped. */
import type { Context } from '@cnikit/cni-spec';
import { openRoute } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { deleteLink, deleteUnlisted } from '../../capabilities/attachment-links.ts';
import { hostVethName } from '../../capabilities/names.ts';
import { sha512 } from '../../capabilities/sha512.ts';

const PREFIX = 'bwp';
const NAME_LENGTH = 15;

/** What tells an attachment's device: all but the network follows from the environment. */
export type Attachment = { network: string } & Pick<Context<unknown>, 'containerID' | 'ifName'>;

/** The device's name, the reference's, so that each side deletes what the other made. The interface is no part of it. */
export function ifbName({ network, containerID }: Omit<Attachment, 'ifName'>): string {
  return (PREFIX + sha512(network + containerID)).slice(0, NAME_LENGTH);
}

/**
 * The alias that GC finds it by: the name that the attachment's host end has if we made it. The device's own name does
 * not say which network it belongs to.
 */
export function ifbAlias({ network, containerID, ifName }: Attachment): string {
  return hostVethName(network, containerID, ifName);
}

/** Deletes the attachment's device if there is one. */
export function deleteIfb(sys: Sys, attachment: Attachment): void {
  const host = openRoute({ sys });
  try {
    deleteLink(host, { name: ifbName(attachment) });
  } finally {
    host.close();
  }
}

/**
 * Deletes the devices of this network whose attachment the runtime does not list; none when it has no list. Those that
 * the reference made have no alias, and stay. Goes on after a failure.
 *
 * @returns what could not be deleted and why
 */
export function collectIfbs(
  sys: Sys,
  network: string,
  valid: Context<unknown>['validAttachments'],
): string[] {
  if (valid === undefined) return [];
  const host = openRoute({ sys });
  try {
    return deleteUnlisted(host, { network, valid }, host.links({ kind: 'ifb' }), ({ alias }) => alias);
  } finally {
    host.close();
  }
}
