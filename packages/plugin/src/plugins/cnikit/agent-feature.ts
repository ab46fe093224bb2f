import { type CheckedConfig, CniError, ErrorCode, normaliseKeys } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { Feature } from '../../attachment/feature.ts';
import { explain } from '../../explain.ts';
import { agentConfKeys, isAgentConf } from '../../guards.ts';
import { hostVethName } from '../../links/names.ts';
import { ensureSysctl } from '../../netns/sysctl.ts';
import { sysctlFile } from '../tuning/sysctl-key.ts';
import { requireReadiness } from './readiness.ts';

/** The settings from the agent. */
export interface AgentSettings {
  network: string;
  /** File with the agent's readiness, for STATUS; '' = none. */
  readinessFile: string;
  /** Why ADD and STATUS fail; '' = they work. */
  refuseAdd: string;
  /** Values of the node's sysctls by key. */
  hostSysctls: Readonly<Record<string, string>>;
}

/**
 * The plugin's work for the node's agent. STATUS fails while the agent is not ready, and, with
 * ADD, while `refuseAdd` gives a reason. ADD sets sysctls of the node, which
 * the agent's container may not write. It writes only sysctls that differ, and DEL does not restore them.
 */
export function agentFeature(sys: Sys): Feature<AgentSettings> {
  return {
    name: 'agent',
    about: 'cnikit agent: readiness and sysctls of the node',
    settings: agentSettings,
    settingsForDel: ({ name }) => ({ network: name, readinessFile: '', refuseAdd: '', hostSysctls: {} }),
    isRequested: ({ readinessFile, refuseAdd, hostSysctls }) =>
      readinessFile !== '' || refuseAdd !== '' || Object.keys(hostSysctls).length > 0,
    validate({ refuseAdd }) {
      if (refuseAdd !== '') {
        throw new CniError(ErrorCode.TryAgainLater, refuseAdd);
      }
    },
    add({ conf: { network, hostSysctls }, containerID, ifName }, result) {
      const host = hostVethName(network, containerID, ifName);
      for (const [key, value] of Object.entries(hostSysctls)) {
        ensureSysctl(sys, sysctlFile(key, host), value);
      }
      return result;
    },
    // Without this, the log of DEL would have a phase that does nothing.
    removal: () => ({ changes: () => [] }),
    del: () => undefined,
    check: () => undefined,
    gc: () => undefined,
    status({ conf: { readinessFile, refuseAdd } }) {
      if (refuseAdd !== '') {
        throw new CniError(ErrorCode.PluginNotAvailable, refuseAdd);
      }
      if (readinessFile !== '') {
        requireReadiness(sys, readinessFile);
      }
    },
  };
}

/**
 * Checks the agent's part of a network configuration.
 *
 * @throws {CniError} 7 naming the field and the expected value
 */
export function agentSettings(raw: CheckedConfig): AgentSettings {
  const conf = normaliseKeys(raw, agentConfKeys);
  if (!isAgentConf(conf)) {
    throw new CniError(ErrorCode.InvalidNetworkConfig, 'Invalid configuration', explain('agentConf', conf));
  }
  const { readinessFile = '', refuseAdd = '', hostSysctls = {} } = conf;
  return { network: raw.name, readinessFile, refuseAdd, hostSysctls };
}
