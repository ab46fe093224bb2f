import type { Context } from '@cnikit/cni-spec';
import { openRtnetlink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { hostVethName } from '../../links/names.ts';
import type { Owner } from '../../nat/owner.ts';
import { cachedAttachments } from '../../records/cached-attachments.ts';
import { lostSandbox } from '../../records/lost-sandbox.ts';
import type { PortmapSettings } from './settings.ts';

/** The owner of a rule; upstream's comments name only the container. */
export type AnyOwner = Pick<Owner, 'containerID'> & Partial<Owner>;

/** Returns why the runtime lost the owner of a port; undefined when the owner may be a living pod. */
export type LostOwner = (owner: AnyOwner) => string | undefined;

/** Looks up the owner of a port that the pod of the context needs. */
export function lostOwner(
  sys: Sys,
  { conf, containerID, ifName, env, prevResult }: Context<PortmapSettings>,
  owner: AnyOwner,
): string | undefined {
  if (owner.containerID === containerID) {
    return undefined;
  }
  // The previous plugin of the list makes the pair, or this one when it is cnikit.
  const ownName = hostVethName(conf.network, containerID, ifName);
  const isNamedByUs =
    prevResult === undefined || prevResult.interfaces?.some(({ name }) => name === ownName) === true;
  const host = openRtnetlink({ sys });
  try {
    return lostSandbox(sys, {
      containerID: owner.containerID,
      ifName: owner.ifName,
      hostEnd:
        isNamedByUs && owner.network === conf.network && owner.ifName !== undefined
          ? hostVethName(owner.network, owner.containerID, owner.ifName)
          : undefined,
      records: cachedAttachments(sys),
      args: env.CNI_ARGS ?? '',
      hasLink: (name) => host.link({ name }) !== undefined,
    });
  } finally {
    host.close();
  }
}
