/** Kind of the plugin; decides which requirements apply to it. */
export type Kind = 'interface' | 'loopback' | 'ipam' | 'chained';

/** Configuration of the plugin without name and version. */
export type PluginConfig = Record<string, unknown>;

/** Address range that is small enough to exhaust and large enough for all concurrent attachments. */
const RANGES = [[{ subnet: '10.99.0.0/26' }]];
const ADDRESSES = { ips: true, ipRanges: true };
const HOST_LOCAL = { type: 'host-local', ranges: RANGES };

/** Configurations by the name of the executable. */
const PRESETS: Readonly<Record<string, PluginConfig>> = {
  bridge: { bridge: 'cnt0', isGateway: true, ipam: HOST_LOCAL, capabilities: { mac: true, ...ADDRESSES } },
  cnikit: { bridge: 'cnt0', isGateway: true, ipam: HOST_LOCAL, capabilities: { mac: true, ...ADDRESSES } },
  ptp: { ipam: HOST_LOCAL, capabilities: ADDRESSES },
  'host-local': { ipam: HOST_LOCAL, capabilities: ADDRESSES },
  static: { ipam: { type: 'static', addresses: [{ address: '10.99.0.5/24', gateway: '10.99.0.1' }] } },
  tuning: { mtu: 1400, capabilities: { mac: true } },
  bandwidth: {
    capabilities: { bandwidth: true },
    ingressRate: 1_000_000,
    ingressBurst: 1_000_000,
    egressRate: 1_000_000,
    egressBurst: 1_000_000,
  },
  portmap: {
    capabilities: { portMappings: true },
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
  },
  firewall: {},
};

/** Returns the configuration for an executable that the user did not configure. */
export function presetFor(name: string): PluginConfig {
  return PRESETS[name] ?? {};
}
