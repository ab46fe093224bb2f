/** Builds the CNI network configuration of this node. Pure. */
import {
  type ChainedPlugin,
  DEFAULT_LAYOUT,
  type HostFacts,
  type Layout,
  type NodeInfo,
  type TunnelLink,
} from '../core/model.ts';
import { BRIDGE_NAME, NETWORK_NAME, POLICY_SOCKET_NAME, READINESS_NAME, STATE_DIR } from '../core/names.ts';
import { LIST_VERSIONS } from './list-versions.ts';
import { type PathMtus, podMtu } from './mtu.ts';

/** Configurable parts of the conflist. */
export interface ConflistOptions {
  /** Directory of the reservations and of the readiness file. */
  stateDir?: string | undefined;
  /** Plugins to chain behind ours. */
  chain?: readonly ChainedPlugin[];
  /** CNI versions that all plugins of the list speak, oldest first. */
  versions?: readonly string[];
  /** Tunnel links that are in use. */
  tunnels?: readonly TunnelLink[];
  /** MTUs of the routes to other nodes. */
  paths?: PathMtus | undefined;
  /** @default 'routed' */
  layout?: Layout | undefined;
  /** Upper limit of the MTU of pods. */
  mtu?: number | undefined;
  /** Sysctls that the agent cannot write and the plugin sets, by key. */
  hostSysctls?: Readonly<Record<string, string>>;
  /**
   * The plugin reports pods to the agent.
   *
   * @default false
   */
  networkPolicy?: boolean | undefined;
  /** Namespaces whose pods may ask to send from other source addresses. */
  foreignSourceNamespaces?: readonly string[] | undefined;
  /**
   * Pods of a bridge have MAC addresses that follow from their addresses.
   *
   * @default false
   */
  macFromAddress?: boolean | undefined;
}

/**
 * Returns the text of the conflist; undefined while the Node has no podCIDR. There is one range set per
 * podCIDR, in the Node's order, so that pods list their addresses in the cluster's order of families.
 *
 * `cniVersion` is at most 1.0.0, with newer versions in `cniVersions`: a runtime with a library older than
 * 1.1.0 refuses results of 1.1.0, and a newer one picks the highest version of the list.
 */
export function conflist(
  own: NodeInfo,
  facts: HostFacts,
  {
    stateDir = STATE_DIR,
    chain = [],
    versions = LIST_VERSIONS,
    tunnels = [],
    paths,
    layout = DEFAULT_LAYOUT,
    mtu: limit,
    hostSysctls = {},
    networkPolicy = false,
    foreignSourceNamespaces = [],
    macFromAddress = false,
  }: ConflistOptions = {},
): string | undefined {
  if (own.podCIDRs.length === 0) {
    return undefined;
  }
  const mtu = podMtu(own, facts, tunnels, paths, limit);
  const exempts = layout === 'routed' && foreignSourceNamespaces.length > 0;
  const plugin = {
    type: 'cnikit',
    // Settings of a pod that the runtime passes to the plugin.
    capabilities: {
      portMappings: true,
      bandwidth: true,
      ...(exempts && { 'io.kubernetes.cri.pod-annotations': true }),
    },
    // The bridge of earlier pods if the layout is routed.
    bridge: BRIDGE_NAME,
    layout: layout === 'bridge' ? undefined : layout,
    foreignSourceNamespaces: exempts ? foreignSourceNamespaces : undefined,
    isDefaultGateway: true,
    hairpinMode: true,
    // The only router on the bridge is the node, which does not advertise itself. Solicitations of routed pods reach no pod.
    ...(layout === 'bridge' && { macFromAddress: macFromAddress || undefined, routerSolicitations: false }),
    // A node whose podCIDR changed keeps its bridge, with the old gateway address (flannel-io/flannel#1850).
    forceAddress: true,
    mtu,
    ...(Object.keys(hostSysctls).length === 0 ? {} : { hostSysctls }),
    readinessFile: `${stateDir}/${READINESS_NAME}`,
    policy: networkPolicy ? { socket: `${stateDir}/${POLICY_SOCKET_NAME}` } : undefined,
    ipam: {
      type: 'host-local',
      dataDir: `${stateDir}/ipam`,
      ranges: own.podCIDRs.map((subnet) => [{ subnet }]),
    },
  };
  const list = {
    cniVersion: versions.findLast((version) => version !== '1.1.0') ?? versions.at(-1),
    cniVersions: versions,
    name: NETWORK_NAME,
    // Keeps libcni 1.3 and later from adding the .conf files of /etc/cni/net.d/cnikit to this network.
    // Older versions ignore the key and read no such files.
    loadOnlyInlinedPlugins: true,
    plugins: [plugin, ...chain],
  };
  return `${JSON.stringify(list, null, 2)}\n`;
}
