import { type CheckedConfig, CniError, type Dns, ErrorCode, normaliseKeys } from '@cnikit/cni-spec';
import { explain } from '#explain';
import { bridgeConfKeys, isBridgeConf } from './guards.ts';

const DEFAULT_BRIDGE = 'cni0';

/** Fields of the reference bridge that decide what a pod may reach: to pass over one would be unsafe. */
const REFUSED = ['ipMasq', 'vlan', 'vlanTrunk', 'macspoofchk', 'disableContainerInterface'] as const;

/** The bridge configuration with every default filled in. */
export interface BridgeSettings {
  /** The network's name. */
  network: string;
  bridge: string;
  isGateway: boolean;
  isDefaultGateway: boolean;
  forceAddress: boolean;
  hairpinMode: boolean;
  promiscMode: boolean;
  portIsolation: boolean;
  /** In bytes; 0 leaves it to the kernel. */
  mtu: number;
  dns: Dns | undefined;
  /** The whole configuration, for IPAM; `ipam.type` says whether there is any. */
  raw: CheckedConfig;
}

/**
 * Checks the plugin's part of a network configuration and fills in the reference's defaults.
 *
 * @throws CniError 7 naming the field and what it should be, 2 for a field of the reference that is not served
 */
export function bridgeSettings(raw: CheckedConfig): BridgeSettings {
  const conf = normaliseKeys(raw, bridgeConfKeys);
  if (!isBridgeConf(conf)) {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      'Invalid bridge configuration',
      explain('bridgeConf', conf),
    );
  }
  for (const key of REFUSED) {
    const value = conf[key];
    if (value) {
      throw new CniError(
        ErrorCode.UnsupportedField,
        `Unsupported field ${key}: ${JSON.stringify(value)}`,
        'Remove it, or let the reference bridge plugin serve this network',
      );
    }
  }
  const { isDefaultGateway = false, hairpinMode = false, promiscMode = false } = conf;
  if (hairpinMode && promiscMode) {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      'cannot set hairpin mode and promiscuous mode at the same time',
      'Set hairpinMode or promiscMode to false',
    );
  }
  return {
    network: raw.name,
    bridge: conf.bridge || DEFAULT_BRIDGE,
    isGateway: isDefaultGateway || (conf.isGateway ?? false),
    isDefaultGateway,
    forceAddress: conf.forceAddress ?? false,
    hairpinMode,
    promiscMode,
    portIsolation: conf.portIsolation ?? false,
    mtu: conf.mtu ?? 0,
    dns: raw.dns,
    raw,
  };
}
