/** Values that observe, desired, reconcile and apply exchange. */

import type { Family } from '@cnikit/ip';
import type { RouteProtocol, RouteType } from '@cnikit/netlink';
import type { Problem } from './problem.ts';

/** The fields of a Node object that the agent keeps. */
export interface NodeInfo {
  name: string;
  uid: string;
  /** `metadata.creationTimestamp`, RFC 3339; sorts as text. */
  created: string;
  /** Canonical prefixes in the Node's own order, which is the cluster's order of families. */
  podCIDRs: string[];
  /**
   * Canonical addresses, in the Node's order; ExternalIPs if it has no InternalIPs. The first of each
   * family counts.
   */
  internalIPs: string[];
  /** Status of the condition NetworkUnavailable, absent when the Node has none. */
  networkUnavailable?: string | undefined;
  /** Keys of the taints, absent when it has none. */
  taints?: string[];
  /** Unusable parts of the object, as sentences. */
  rejected: string[];
}

/** A route to another node's pods. `dst` is canonical, `dev` is for display only. */
export interface NodeRoute {
  dst: string;
  via: string;
  /** 0 while the tunnel link does not exist yet. */
  oif: number;
  dev: string;
  /** The next hop is on-link although no route says so. */
  onlink?: true;
}

/** A route to a podCIDR of this node: packets to addresses of no pod are rejected instead of leaving the node. */
export interface UnreachableRoute {
  dst: string;
  unreachable: true;
}

/** How a tunnel reaches another node. */
export interface TunnelPeer {
  /** Name of the tunnel link, and its index: 0 while the link does not exist yet. */
  dev: string;
  index: number;
  /** Family of the outer packets. */
  underlay: Family;
  /** MAC address of the other node's tunnel link; derived from the node's name. */
  mac: string;
  /** The node's InternalIP, the destination of outer packets. */
  remote: string;
  /** MTU and link of the route to it. */
  mtu?: number | undefined;
  outer?: string | undefined;
  /** The next hop that represents the node on the tunnel link. */
  gateway: string;
}

/** Settings of the tunnel. */
export interface TunnelSettings {
  /** Name of the IPv4 link; that of IPv6 has the suffix 6. */
  name: string;
  /** VXLAN network identifier, 24 bits. */
  vni: number;
  /** UDP destination port. */
  port: number;
}

/** When to use the tunnel. `auto`: for nodes that are not on-link. */
export type Encap = 'auto' | 'never' | 'always';

/** How new pods are attached: to a bridge, or each by its own route. */
export type Layout = 'bridge' | 'routed';

/** Layout of new pods unless an option names one. */
export const DEFAULT_LAYOUT: Layout = 'routed';

/**
 * Which packets of pods are masqueraded. `destination`: all that leave the pod networks, by any
 * link. `egress`: those that leave by an interface of a default route, except to addresses of nodes.
 */
export type Masquerade = 'destination' | 'egress';

/** A desired tunnel link. */
export interface TunnelLink extends TunnelSettings {
  mac: string;
  mtu: number;
  /** Source of the outer packets; absent when this node has none of its InternalIPs. */
  local?: string | undefined;
  /** Family of the outer packets: a VXLAN link has exactly one. */
  underlay: Family;
  /** Addresses with prefix lengths. The host's own packets to pods of other nodes come from these. */
  addresses: string[];
}

/** A route of the kernel's main table. `protocol` identifies the agent's own. */
export interface KernelRoute {
  family: Family;
  /** Canonical; `0.0.0.0/0` and `::/0` for the default route. */
  dst: string;
  via?: string;
  oif?: number;
  /** Links of the second and further next hops. */
  otherOifs?: number[];
  protocol: RouteProtocol;
  /** Metric. */
  priority: number;
  type: RouteType;
  /** MTU of the route itself (RTAX_MTU); absent: that of its link. */
  mtu?: number | undefined;
}

/** `rtm_type` of a route that leads to a next hop or link. */
export const RTN_UNICAST = 'unicast';
/** `rtm_type` of a route that rejects packets. */
export const RTN_UNREACHABLE = 'unreachable';
/** Metric of unreachable routes: after all others to the same prefix, such as that of a bridge with the podCIDR. */
export const UNREACHABLE_METRIC = 0xffff_fffe;

/** A link of the kernel, with the attributes in use. */
export interface KernelLink {
  index: number;
  name: string;
  mtu: number;
  up: boolean;
  mac?: string;
  /** IFLA_IFALIAS. */
  alias?: string | undefined;
  /** IFLA_GROUP. */
  group?: number | undefined;
  /** IFF_NOARP: the link has no link layer, as WireGuard and tun. Its far end decides what it accepts. */
  noArp?: boolean | undefined;
  /** Kind, such as vlan; absent for a device. */
  kind?: string | undefined;
  /** Index of the bridge that it is a port of. */
  master?: number | undefined;
  vxlan?: { id: number; port: number; learning: boolean; local?: string };
}

/** An entry of the tunnel's link: of a MAC address the remote end (`fdb`), of a next hop the MAC address. */
export interface KernelNeighbour {
  table: 'fdb' | 'neighbour';
  index: number;
  mac: string;
  address: string;
}

/** Identifies an entry: on a link, a MAC address has one remote end, and a next hop one MAC address. */
export const entryKey = ({ index, table, mac, address }: KernelNeighbour): string =>
  `${index} ${table === 'fdb' ? `fdb ${mac}` : `neighbour ${address}`}`;

/** An address of the link with that index. */
export interface KernelAddress {
  index: number;
  /** Address with its prefix length: `192.0.2.7/24`. */
  address: string;
}

/** One look at the kernel: a dump of each kind. */
export interface KernelState {
  links: KernelLink[];
  addresses: KernelAddress[];
  routes: KernelRoute[];
  /** Permanent ones of the agent's tunnels, if there are any. */
  neighbours?: KernelNeighbour[];
}

export interface EgressInterface {
  index: number;
  name: string;
  mtu: number;
}

/** A foreign route, reduced to whether its next hops are on-link. */
export interface Hop {
  dst: string;
  oif?: number;
  dev?: string;
  /** Packets go by a gateway, or nowhere. */
  gateway: boolean;
  /** The link has no link layer: the far end may drop packets to pods. */
  noArp?: true | undefined;
  /** Least MTU of the route and its links. */
  mtu?: number | undefined;
}

/** One of the agent's tunnels as it is. */
export interface PresentTunnel {
  index: number;
  /** It has the group or the alias; false: an earlier version left it unfinished. */
  marked: boolean;
  name: string;
  vni: number;
  port: number;
  learning: boolean;
  mac: string;
  mtu: number;
  up: boolean;
  /** Bridge or other master that another program put it into. */
  master?: number | undefined;
  local?: string | undefined;
  addresses: string[];
}

/** The part of the kernel's state that the desired state depends on. */
export interface HostFacts {
  /** Interface of each family's default route with the least metric, or the configured one. */
  egress: Partial<Record<Family, EgressInterface>>;
  /** Names of all interfaces that default routes lead out of, that of `egress` first. */
  egressInterfaces: Record<Family, string[]>;
  /** Foreign routes, longest prefix first: they decide whether a next hop is on-link. */
  table: readonly Hop[];
  /** Addresses of this node, without prefix length, and the MTU of each one's link; 0 on loopback. */
  localAddresses: ReadonlyMap<string, number>;
  /** The agent's tunnels: one for each family of outer packets in use, unless its settings changed. */
  tunnels: readonly PresentTunnel[];
  /** Name of the link of each of these addresses. */
  addressLinks: ReadonlyMap<string, string>;
  /** Links that may live by router advertisements. */
  raLinks: ReadonlyArray<{ index: number; name: string }>;
  /** Ports of bridges that routes use, except for those of pods. */
  ports: readonly number[];
  /** The plugin's bridge or a pod's link exists: pods were attached on this node. */
  hasPods: boolean;
  /** The plugin made routes to pods. Does not affect the desired state. */
  hasRoutedPods: boolean;
  /** One routed pod of each family. Does not affect the desired state. */
  routedPods?: Partial<Record<Family, PodSample>>;
  /** Index of the plugin's bridge. */
  bridge?: number | undefined;
  /** Links of others that a tunnel of ours could collide with: any VXLAN, and links with the tunnel's names. */
  foreignLinks: ReadonlyArray<{
    index: number;
    name: string;
    vni?: number | undefined;
    port?: number | undefined;
  }>;
}

/** A pod for the self-test: an address, and the link to it. */
export interface PodSample {
  address: string;
  link: number;
}

/** The state that the self-test asks the kernel about. */
export interface TestedState {
  routes: ReadonlyMap<string, NodeRoute>;
  own?: NodeInfo | undefined;
  /** Index of the pods' bridge; undefined when routed pods exist. */
  bridge?: number | undefined;
  /** One routed pod of each family. */
  routedPods?: Partial<Record<Family, PodSample>> | undefined;
  /** Returns whether an address is this node's. */
  isLocal?: (address: string) => boolean;
  /** Returns whether a foreign route to a podCIDR or inside it, which is reported, may take its packets; default: none does. */
  isShadowed?: (dst: string) => boolean;
}

/** A setting below /proc/sys and its desired value. */
export interface Sysctl {
  /** Path below /proc/sys. */
  key: string;
  value: string;
  /** Change the setting only if it has this value; absent: whenever it differs. */
  onlyIf?: string;
  /** Another setting that sets this one when it changes to 1: while it is not 1, this one is left alone. */
  impliedBy?: string;
  /** Another setting. The greater of the two values takes effect. */
  effectiveMaxOf?: string;
  /** Belongs to a transient link. Never left to the plugin, which sets it at each ADD. */
  transient?: true;
  why: string;
}

/** The configuration of one plugin in a CNI list. */
export type ChainedPlugin = Readonly<Record<string, unknown>>;

/** The CNI versions of an installed plugin. Without `versions` and `error` it is cnikit itself. */
export interface SpokenVersions {
  type: string;
  versions?: readonly string[] | undefined;
  /** Why the plugin did not report its versions. */
  error?: string | undefined;
  /** The plugin is not installed. */
  missing?: true;
}

/** The plugins to chain. `plugins` absent: unknown, so no conflist may be written. */
export interface Chain {
  plugins?: readonly ChainedPlugin[] | undefined;
  /** CNI versions of each type in `plugins`; absent: all. */
  spoken?: readonly SpokenVersions[] | undefined;
  problems: Problem[];
}
