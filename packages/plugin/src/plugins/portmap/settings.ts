import {
  type CheckedConfig,
  CniError,
  capability,
  ErrorCode,
  type KeyTable,
  normaliseKeys,
  validFields,
} from '@cnikit/cni-spec';
import { explain } from '../../explain.ts';
import { isPortmapConf, portmapConfKeys } from '../../guards.ts';
import { type HostPort, hostPort } from '../../nat/host-port.ts';
import { natBackend } from '../../nat/masquerade.ts';
import type { NatBackend } from '../../nat/nftables.ts';
import type { PortmapConf } from './schema.ts';

/** Kubernetes uses bits 14 and 15, Calico 20 to 31. */
const DEFAULT_MARK_BIT = 13;
export const DEFAULT_MARK = 1 << DEFAULT_MARK_BIT;

/** Keys of the configuration that ask for ports or say how to map them. */
export const PORTMAP_KEYS: KeyTable = { ...portmapConfKeys, runtimeConfig: null, capabilities: null };

/** The portmap configuration with all defaults filled in. */
export interface PortmapSettings {
  /** Name of the network. */
  network: string;
  raw: CheckedConfig;
  backend: NatBackend;
  snat: boolean;
  masqAll: boolean;
  /** Mark of packets to masquerade: one bit. */
  mark: number;
  /** iptables chain that sets the mark instead. */
  setMarkChain: string | undefined;
  conditions: { ipv4: readonly string[]; ipv6: readonly string[] };
}

/**
 * Checks the plugin's part of a network configuration and fills in upstream's defaults.
 *
 * @throws {CniError} 7 naming the field and the expected value
 */
export function portmapSettings(raw: CheckedConfig): PortmapSettings {
  const conf = normaliseKeys(raw, portmapConfKeys);
  if (!isPortmapConf(conf)) {
    throw invalid('Invalid portmap configuration', explain('portmapConf', conf));
  }
  if (conf.markMasqBit !== undefined && conf.externalSetMarkChain !== undefined) {
    throw invalid('Cannot specify externalSetMarkChain and markMasqBit', 'Remove one of them');
  }
  return settingsOf(raw, conf, backendOf(conf));
}

/** Returns the configuration for DEL and GC, which ignores invalid and contradictory fields. */
export function portmapSettingsForDel(raw: CheckedConfig): PortmapSettings {
  const conf = normaliseKeys(raw, portmapConfKeys) as CheckedConfig;
  return settingsOf(raw, validFields(conf, isPortmapConf), undefined);
}

function settingsOf(raw: CheckedConfig, conf: PortmapConf, backend: NatBackend): PortmapSettings {
  const { snat = true, masqAll = false, markMasqBit, externalSetMarkChain } = conf;
  return {
    network: raw.name,
    raw,
    backend,
    snat,
    masqAll,
    mark: (1 << (markMasqBit ?? DEFAULT_MARK_BIT)) >>> 0,
    setMarkChain: externalSetMarkChain,
    conditions: { ipv4: conf.conditionsV4 ?? [], ipv6: conf.conditionsV6 ?? [] },
  };
}

/** Returns the configured backend, or the one that the other fields require. */
function backendOf(conf: PortmapConf): NatBackend {
  const named = natBackend('backend', conf.backend);
  const { externalSetMarkChain, conditionsV4 = [], conditionsV6 = [] } = conf;
  if (externalSetMarkChain === undefined && conditionsV4.length + conditionsV6.length === 0) {
    return named;
  }
  const required = new Set<NatBackend>();
  if (externalSetMarkChain !== undefined) {
    required.add('iptables');
  }
  for (const [first] of [conditionsV4, conditionsV6]) {
    if (first !== undefined) {
      required.add(/^[-!]/.test(first) ? 'iptables' : 'nftables');
    }
  }
  const [only] = required;
  if (required.size > 1 || (named !== undefined && only !== undefined && only !== named)) {
    throw invalid(
      'conditionsV4, conditionsV6, externalSetMarkChain and backend are for different backends',
      'externalSetMarkChain, and conditions that begin with "-" or "!", need the backend iptables',
    );
  }
  return named ?? only;
}

/**
 * The ports that the runtime asks for.
 *
 * @throws {CniError} 7 when a port, protocol or address is invalid
 */
export function hostPorts({ raw }: PortmapSettings): readonly HostPort[] {
  let ports = known.get(raw);
  if (ports === undefined) {
    ports = (capability(raw, 'portMappings') ?? []).map(hostPort);
    known.set(raw, ports);
  }
  return ports;
}

/** Valid ports by configuration: several steps of a verb need them. */
const known = new WeakMap<CheckedConfig, readonly HostPort[]>();

/**
 * The ports for ADD to map.
 *
 * @throws {CniError} 7 when a port, protocol or address is invalid; 2 when nftables would have to apply conditions
 */
export function acceptedPorts(settings: PortmapSettings): readonly HostPort[] {
  const ports = hostPorts(settings);
  const { ipv4, ipv6 } = settings.conditions;
  if (ports.length === 0 || settings.backend === 'iptables' || ipv4.length + ipv6.length === 0) {
    return ports;
  }
  throw new CniError(
    ErrorCode.UnsupportedField,
    `Unsupported field ${ipv4.length > 0 ? 'conditionsV4' : 'conditionsV6'}: ${JSON.stringify(ipv4.length > 0 ? ipv4 : ipv6)}`,
    'Only the iptables backend supports conditions. Write them as iptables matches, such as ["-s", "192.0.2.0/24"]',
  );
}

/** Returns true when the runtime requests ports, or may have done so at ADD: DEL looks for their rules then. */
export function asksForPorts({ raw }: PortmapSettings): boolean {
  const asked = raw.runtimeConfig?.portMappings;
  return (Array.isArray(asked) ? asked.length > 0 : asked != null) || raw.capabilities?.portMappings === true;
}

function invalid(msg: string, details: string): CniError {
  return new CniError(ErrorCode.InvalidNetworkConfig, msg, details);
}
