/** Finds the containers of a network that the runtime lost, for programs that look after all of them. */
import type { Sys } from '@cnikit/sys';
import { hostVethName } from '../links/names.ts';
import { cachedAttachments, type WrittenAttachment } from './cached-attachments.ts';
import { isSameUid, lostSandbox } from './lost-sandbox.ts';
import { netnsOfProcesses } from './processes.ts';

/** A container that the runtime lost. Its link exists. */
export interface LostSandbox {
  containerID: string;
  ifName: string;
  /** Addresses of its interface, without prefix length. */
  addresses: readonly string[];
  /** Why it counts as lost: a clause, such as `its pod has a new sandbox`. */
  reason: string;
}

/** Options of {@link lostSandboxes}. */
export interface LostSandboxOptions {
  /** Name of the network. */
  network: string;
  /** Folder of libcni, with its records in `results`. */
  cacheDir: string;
  /** Returns true when the node has a link of that name. */
  hasLink: (name: string) => boolean;
}

/**
 * Returns the containers of a network with a link that the runtime lost, as ADD decides when another pod needs what they
 * hold. A process in another PID namespace, such as the agent's container, sees no processes of pods. It finds only
 * containers whose pod, by its UID, has a newer container with a link: a pod has one at a time.
 */
export function lostSandboxes(sys: Sys, { network, cacheDir, hasLink }: LostSandboxOptions): LostSandbox[] {
  const records = cachedAttachments(sys, cacheDir);
  const attached = records.filter((one) => one.network === network && hasLink(hostEnd(one)));
  const inUse = attached.length === 0 ? undefined : netnsOfProcesses(sys);
  return attached.flatMap((own) => {
    const { containerID, ifName, addresses } = own;
    const newer = attached.find((one) => isNewerOfPod(one, own));
    const reason =
      newer === undefined
        ? inUse &&
          lostSandbox(sys, { containerID, ifName, hostEnd: undefined, records, args: '', hasLink, inUse })
        : 'its pod has a new sandbox';
    return reason === undefined ? [] : [{ containerID, ifName, addresses, reason }];
  });
}

const hostEnd = ({ network, containerID, ifName }: WrittenAttachment): string =>
  hostVethName(network, containerID, ifName);

function isNewerOfPod(one: WrittenAttachment, own: WrittenAttachment): boolean {
  return (
    one.containerID !== own.containerID && one.writtenMs > own.writtenMs && isSameUid(one.args, own.args)
  );
}
