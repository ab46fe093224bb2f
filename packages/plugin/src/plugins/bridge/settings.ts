import { type CheckedConfig, CniError, ErrorCode, normaliseKeys, validFields } from '@cnikit/cni-spec';
import { explain } from '../../explain.ts';
import { bridgeConfKeys, isBridgeConf } from '../../guards.ts';
import { type MasqueradeSettings, natBackend } from '../../nat/masquerade.ts';
import type { NatBackend } from '../../nat/nftables.ts';
import type { BridgeConf } from './schema.ts';
import { type VlanRange, vlanRanges } from './vlan-ranges.ts';

const DEFAULT_BRIDGE = 'cni0';

/** Keys of CNI_ARGS that the bridge reads, besides those of IPAM. */
export const BRIDGE_ARGS = ['MAC'] as const;

/** The bridge configuration with all defaults filled in. */
export interface BridgeSettings extends MasqueradeSettings {
  bridge: string;
  isGateway: boolean;
  isDefaultGateway: boolean;
  forceAddress: boolean;
  hairpinMode: boolean;
  promiscMode: boolean;
  portIsolation: boolean;
  /** In bytes; 0 = the kernel's default. */
  mtu: number;
  /** VLAN ID for untagged frames at the pod's port; 0 = none. */
  vlan: number;
  /** Tagged VLANs of the port. */
  vlanTrunk: readonly VlanRange[];
  /** Keeps the bridge's default VLAN on a port that has others. */
  preserveDefaultVlan: boolean;
  /** Waits for duplicate address detection (IPv6). */
  enabledad: boolean;
  /** Leaves the pod's interface down and without addresses. */
  disableContainerInterface: boolean;
  /** Drops frames of the pod with another source MAC address. */
  macspoofchk: boolean;
  /** Derives the pod's MAC address from its address unless one is requested. */
  macFromAddress: boolean;
  /** The pod solicits routers. */
  routerSolicitations: boolean;
}

/**
 * Checks the plugin's part of a network configuration and fills in upstream's defaults.
 *
 * @throws {CniError} 7 naming the field and the expected value
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
  refuseContradictions(conf, raw);
  const backend = natBackend('ipMasqBackend', conf.ipMasqBackend);
  return settingsOf(raw, conf, conf.vlanTrunk ? vlanRanges(conf.vlanTrunk) : [], backend);
}

/** Returns the configuration for DEL and GC, which ignores invalid and contradictory fields. `bridge` is '' when it is invalid. */
export function bridgeSettingsForDel(raw: CheckedConfig): BridgeSettings {
  const conf = normaliseKeys(raw, bridgeConfKeys) as CheckedConfig;
  const valid = validFields(conf, isBridgeConf);
  const settings = settingsOf(raw, valid, [], undefined);
  if (conf.bridge !== undefined && valid.bridge === undefined) {
    settings.bridge = '';
  }
  return settings;
}

function settingsOf(
  raw: CheckedConfig,
  conf: BridgeConf,
  vlanTrunk: readonly VlanRange[],
  ipMasqBackend: NatBackend,
): BridgeSettings {
  const { isDefaultGateway = false } = conf;
  return {
    network: raw.name,
    raw,
    knownArgs: BRIDGE_ARGS,
    bridge: conf.bridge || DEFAULT_BRIDGE,
    isGateway: isDefaultGateway || (conf.isGateway ?? false),
    isDefaultGateway,
    forceAddress: conf.forceAddress ?? false,
    hairpinMode: conf.hairpinMode ?? false,
    promiscMode: conf.promiscMode ?? false,
    portIsolation: conf.portIsolation ?? false,
    mtu: conf.mtu ?? 0,
    vlan: conf.vlan ?? 0,
    vlanTrunk,
    preserveDefaultVlan: conf.preserveDefaultVlan ?? false,
    enabledad: conf.enabledad ?? false,
    disableContainerInterface: conf.disableContainerInterface ?? false,
    macspoofchk: conf.macspoofchk ?? false,
    macFromAddress: conf.macFromAddress ?? false,
    routerSolicitations: conf.routerSolicitations ?? true,
    ipMasq: conf.ipMasq ?? false,
    ipMasqBackend,
  };
}

/** Returns true when ports of the network have VLANs, so that the bridge must filter. */
export function usesVlans({ vlan, vlanTrunk }: Pick<BridgeSettings, 'vlan' | 'vlanTrunk'>): boolean {
  return vlan !== 0 || vlanTrunk.length > 0;
}

function refuseContradictions(conf: BridgeConf, raw: CheckedConfig): void {
  if (conf.hairpinMode && conf.promiscMode) {
    throw contradiction(
      'cannot set hairpin mode and promiscuous mode at the same time',
      'Set hairpinMode or promiscMode to false',
    );
  }
  if (conf.disableContainerInterface && raw.ipam?.type) {
    throw contradiction(
      'cannot use IPAM when disableContainerInterface is set',
      'Remove ipam: an interface that stays down has no addresses',
    );
  }
  if (conf.macFromAddress && raw.ipam?.type === 'dhcp') {
    throw contradiction(
      'cannot use IPAM by dhcp when macFromAddress is set',
      'Remove macFromAddress: a DHCP server gives an address to a MAC address',
    );
  }
}

function contradiction(msg: string, advice: string): CniError {
  return new CniError(ErrorCode.InvalidNetworkConfig, msg, advice);
}
