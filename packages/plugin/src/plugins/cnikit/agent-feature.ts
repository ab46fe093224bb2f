import { CniError, ErrorCode } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { Feature } from '../../attachment/feature.ts';
import { agentConfKeys } from '../../guards.ts';
import { hostVethName } from '../../links/names.ts';
import { ensureSysctl } from '../../netns/sysctl.ts';
import { sysctlFile } from '../tuning/sysctl-key.ts';
import { type AgentSettings, agentSettings, agentSettingsForDel } from './agent-settings.ts';
import { reportPods } from './policy-gate.ts';
import { closePods, requirePolicyTable } from './policy-table.ts';
import { requireReadiness } from './readiness.ts';

/**
 * The plugin's work for the node's agent. STATUS fails while the agent is not ready, and, with
 * ADD, while `refuseAdd` gives a reason. ADD sets sysctls of the node, which
 * the agent's container may not write. It writes only sysctls that differ, and DEL does not restore them. ADD, DEL and GC
 * report pods to the agent's policy gate.
 */
export function agentFeature(sys: Sys): Feature<AgentSettings> {
  return {
    name: 'agent',
    about: 'cnikit agent: readiness and sysctls of the node',
    keys: agentConfKeys,
    settings: agentSettings,
    settingsForDel: agentSettingsForDel,
    isRequested: ({ readinessFile, refuseAdd, hostSysctls, policySocket }) =>
      readinessFile !== '' || refuseAdd !== '' || policySocket !== '' || Object.keys(hostSysctls).length > 0,
    validate({ refuseAdd, policySocket }) {
      if (refuseAdd !== '') {
        throw new CniError(ErrorCode.TryAgainLater, refuseAdd);
      }
      if (policySocket !== '') {
        requirePolicyTable(sys, ErrorCode.TryAgainLater);
      }
    },
    add(context, result) {
      const { conf, containerID, ifName } = context;
      const { network, hostSysctls, policySocket } = conf;
      const host = hostVethName(network, containerID, ifName);
      for (const [key, value] of Object.entries(hostSysctls)) {
        setIfLinkExists(sys, sysctlFile(key, host), value);
      }
      // Last: a pod with rules may send at once.
      if (policySocket !== '') {
        reportPods(sys, context, result);
      }
      return result;
    },
    beforeRemoval(context) {
      if (context.conf.policySocket !== '' && !reportPods(sys, context)) {
        closePods(sys, context);
      }
    },
    // Without this, the log of DEL would have a phase that does nothing.
    removal: () => ({ changes: () => [] }),
    del: () => undefined,
    check: () => undefined,
    gc: () => undefined,
    status({ conf: { readinessFile, refuseAdd, policySocket } }) {
      if (refuseAdd !== '') {
        throw new CniError(ErrorCode.PluginNotAvailable, refuseAdd);
      }
      if (readinessFile !== '') {
        requireReadiness(sys, readinessFile);
      }
      if (policySocket !== '') {
        requirePolicyTable(sys, ErrorCode.PluginNotAvailable);
      }
    },
  };
}

/** Directory of a link's settings. */
const LINK_DIR = /^\/proc\/sys\/net\/ipv[46]\/(?:conf|neigh)\/[^/]+/;

/** Sets a sysctl. Ignores that of a link that has gone since the agent wrote the configuration. */
function setIfLinkExists(sys: Sys, file: string, value: string): void {
  const dir = LINK_DIR.exec(file)?.[0];
  if (dir === undefined || sys.statIfExists(dir) !== undefined) {
    ensureSysctl(sys, file, value);
  }
}
