import { type Context, definePlugin, type Plugin } from '@cnikit/cni-spec';
import { NetlinkError } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { openPodNamespaceIfExists } from '../../netns/pod-namespace.ts';
import { add } from './add.ts';
import { collectBackups, readBackup, removeBackup } from './backup.ts';
import { check } from './check.ts';
import { tuneLink } from './link.ts';
import { type TuningSettings, tuningSettings, tuningSettingsForDel } from './settings.ts';

/** The plugin `tuning`: sets sysctls, and attributes of the interface that a previous plugin of the list created. */
export function tuningPlugin(sys: Sys): Plugin<TuningSettings> {
  return definePlugin({
    about: 'cnikit tuning: sysctls and interface attributes of a pod',
    optionalEnv: ['CNI_PATH'],
    args: ['MAC'],
    config: tuningSettings,
    configForDel: tuningSettingsForDel,
    add: (context) => add(sys, context),
    del: (context) => del(sys, context),
    check: (context) => check(sys, context),
    gc: ({ conf, validAttachments }) => {
      const { dataDir, raw } = conf;
      if (validAttachments) {
        collectBackups(sys, { dataDir, network: raw.name }, validAttachments);
      }
    },
  });
}

/** Runs DEL: restores the interface's attributes if it still exists, since a host device returns to the node. */
function del(sys: Sys, { conf, containerID, ifName, netns }: Context<TuningSettings>): void {
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
