import type { Context } from '@cnikit/cni-spec';
import { NetlinkError } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { openPodNamespaceIfExists } from '../../netns/pod-namespace.ts';
import { collectBackups, readBackup, removeBackup } from './backup.ts';
import { tuneLink } from './link.ts';
import type { TuningSettings } from './settings.ts';

/** Runs DEL: restores the interface's attributes if it still exists, since a host device returns to the node. */
export function del(sys: Sys, { conf, containerID, ifName, netns }: Context<TuningSettings>): void {
  const place = { dataDir: conf.dataDir, network: conf.raw.name, containerID, ifName };
  const backup = readBackup(sys, place);
  const pod = backup === undefined ? undefined : openPodNamespaceIfExists(sys, netns);
  if (backup !== undefined && pod !== undefined) {
    try {
      const link = pod.route.link({ name: ifName });
      if (link !== undefined) {
        tuneLink(pod.route, link.index, backup);
      }
    } catch (error) {
      // The interface usually disappears with the pod, so a refusal by the kernel must not make DEL fail.
      if (!(error instanceof NetlinkError) || error.cause !== undefined) {
        throw error;
      }
    } finally {
      pod.close();
    }
  }
  removeBackup(sys, place);
}

/** Runs GC: removes backups of attachments that no longer exist. */
export function gc(sys: Sys, { conf, validAttachments }: Context<TuningSettings>): void {
  const { dataDir, raw } = conf;
  if (validAttachments) {
    collectBackups(sys, { dataDir, network: raw.name }, validAttachments);
  }
}
