/** The fields of `cnikit` that the node's agent writes. */
import { type CheckedConfig, CniError, ErrorCode, normaliseKeys } from '@cnikit/cni-spec';
import { explain } from '../../explain.ts';
import { agentConfKeys, isAgentConf, isPolicyConf } from '../../guards.ts';
import type { NetworkSettings } from '../../ipam/pod-ipam.ts';

/** The settings from the agent. */
export interface AgentSettings extends NetworkSettings {
  /** File with the agent's readiness, for STATUS; '' = none. */
  readinessFile: string;
  /** Why ADD and STATUS fail; '' = they work. */
  refuseAdd: string;
  /** Values of the node's sysctls by key. */
  hostSysctls: Readonly<Record<string, string>>;
  /** Socket of the agent's policy gate; '' = none. */
  policySocket: string;
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
  const { readinessFile = '', refuseAdd = '', hostSysctls = {}, policy } = conf;
  const policySocket = policy === undefined ? '' : checkedPolicySocket(policy.socket);
  return { network: raw.name, raw, knownArgs: [], readinessFile, refuseAdd, hostSysctls, policySocket };
}

/** Length of `sun_path` without the NUL (linux/un.h). */
const MAX_PATH_LENGTH = 107;

/** @throws {CniError} 7 when the path cannot be that of a socket */
function checkedPolicySocket(path: string): string {
  if (isSocketPath(path)) {
    return path;
  }
  throw new CniError(
    ErrorCode.InvalidNetworkConfig,
    `Invalid policy.socket ${JSON.stringify(path)}: expected an absolute path of at most ${MAX_PATH_LENGTH} characters`,
  );
}

/** Returns the settings of a configuration that may have become invalid since ADD. */
export function agentSettingsForDel(raw: CheckedConfig): AgentSettings {
  const { policy } = normaliseKeys(raw, agentConfKeys) as { policy?: unknown };
  const policySocket = isPolicyConf(policy) && isSocketPath(policy.socket) ? policy.socket : '';
  return {
    network: raw.name,
    raw,
    knownArgs: [],
    readinessFile: '',
    refuseAdd: '',
    hostSysctls: {},
    policySocket,
  };
}

function isSocketPath(path: string): boolean {
  return path.startsWith('/') && path.length <= MAX_PATH_LENGTH && !path.includes('\0');
}
