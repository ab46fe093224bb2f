/** The CNI network configuration of this node. Pure. */
import type { ChainedPlugin, HostFacts, NodeInfo, TunnelLink } from '../core/model.ts';
import { BRIDGE_NAME, NETWORK_NAME, READINESS_NAME, STATE_DIR } from '../core/names.ts';

/** What an operator may set of the conflist. */
export interface ConflistOptions {
  /** Directory of the reservations and of the readiness file. */
  stateDir?: string | undefined;
  /** Further plugins behind ours. */
  chain?: readonly ChainedPlugin[];
  /** Those by which some node is reached. */
  tunnels?: readonly TunnelLink[];
  /** Sysctls that the agent may not set and the plugin is to, by key. */
  hostSysctls?: Readonly<Record<string, string>>;
}

/**
 * The text of the conflist: one range set for each podCIDR, in the Node's order, so that pods list their addresses in
 * the cluster's order of families. Undefined while the Node has no podCIDR.
 *
 * With tunnels pods get the least of their MTUs for all they send, as a pod has one MTU whatever node its packets go to.
 *
 * `cniVersion` is 1.0.0 with newer ones in `cniVersions`: a runtime whose library is older than 1.1.0 refuses a result
 * of 1.1.0, and a newer one picks the highest of the list.
 */
export function conflist(
  own: NodeInfo,
  facts: HostFacts,
  { stateDir = STATE_DIR, chain = [], tunnels = [], hostSysctls = {} }: ConflistOptions = {},
): string | undefined {
  if (own.podCIDRs.length === 0) {
    return undefined;
  }
  const mtu = podMtu(own, facts, tunnels);
  const plugin = {
    type: 'cnikit',
    // What the runtime passes on of a pod.
    capabilities: { portMappings: true, bandwidth: true },
    bridge: BRIDGE_NAME,
    isDefaultGateway: true,
    hairpinMode: true,
    // A node whose podCIDR changed keeps its bridge: the old gateway must not stand in the way (flannel-io/flannel#1850).
    forceAddress: true,
    ...(mtu === undefined ? {} : { mtu }),
    ...(Object.keys(hostSysctls).length === 0 ? {} : { hostSysctls }),
    readinessFile: `${stateDir}/${READINESS_NAME}`,
    ipam: {
      type: 'host-local',
      dataDir: `${stateDir}/ipam`,
      ranges: own.podCIDRs.map((subnet) => [{ subnet }]),
    },
  };
  const list = {
    cniVersion: '1.0.0',
    cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
    name: NETWORK_NAME,
    plugins: [plugin, ...chain],
  };
  return `${JSON.stringify(list, null, 2)}\n`;
}

/** The least MTU of the outside interfaces; without any, of the links that carry the node's InternalIPs. */
function podMtu(own: NodeInfo, facts: HostFacts, tunnels: readonly TunnelLink[]): number | undefined {
  const outside = Object.values(facts.egress).map(({ mtu }) => mtu);
  const mtus = outside.length > 0 ? outside : own.internalIPs.map((ip) => facts.localAddresses.get(ip) ?? 0);
  const known = [...mtus, ...tunnels.map(({ mtu }) => mtu)].filter((mtu) => mtu > 0);
  return known.length > 0 ? Math.min(...known) : undefined;
}
