/** The values that travel between observe, desired, diff and apply. */
import type { Family } from '@cnikit/ip';
import type { Problem } from './problem.ts';

/** What is kept of a Node object: nothing else of it is stored. */
export interface NodeInfo {
  name: string;
  uid: string;
  /** `metadata.creationTimestamp`, RFC 3339; sorts as text. */
  created: string;
  /** Canonical prefixes in the Node's own order, which is the cluster's order of families. */
  podCIDRs: string[];
  /** Canonical addresses, in the Node's order; ExternalIPs when there are no InternalIPs. Of a family the first counts. */
  internalIPs: string[];
  /** Status of the condition NetworkUnavailable, absent when the Node has none. */
  networkUnavailable?: string;
  /** Keys of the taints, absent when there are none. */
  taints?: string[];
  /** What could not be used of the object, as sentences. */
  rejected: string[];
}

/** A route to another node's pods. `dst` is canonical, `dev` only for people. */
export interface NodeRoute {
  dst: string;
  via: string;
  /** 0 while the link, the tunnel, is yet to be made. */
  oif: number;
  dev: string;
  /** The next hop is on the link though no route says so. */
  onlink?: true;
}

/** How a tunnel reaches another node. */
export interface TunnelPeer {
  /** Name of the tunnel's link, and its index: 0 while it is yet to be made. */
  dev: string;
  index: number;
  /** Family of the outer packets. */
  underlay: Family;
  /** Of the other node's end of the tunnel; follows from the node's name. */
  mac: string;
  /** The node's own address, to which the outer packets go. */
  remote: string;
  /** The next hop that stands for the node on the tunnel's link. */
  gateway: string;
}

/** What an operator may choose of the tunnel. */
export interface TunnelSettings {
  /** Name of the link whose outer packets are IPv4; that of IPv6 has a 6 behind it. */
  name: string;
  /** VXLAN network identifier, 24 bits. */
  vni: number;
  /** UDP destination port. */
  port: number;
}

/** `always` and `never` leave nothing to the routes of the node. */
export type Encap = 'auto' | 'never' | 'always';

/** One of the tunnel's links as it is to be. */
export interface TunnelLink extends TunnelSettings {
  mac: string;
  mtu: number;
  /** Source of the outer packets; absent when no address of this node is one that the API knows. */
  local?: string;
  /** Family of the outer packets: a VXLAN link has one. */
  underlay: Family;
  /** With their length. The host's own packets to pods of other nodes come from these. */
  addresses: string[];
}

/** A route of the main table as the kernel has it; the agent's own are told by `protocol`. */
export interface KernelRoute {
  family: Family;
  /** Canonical; `0.0.0.0/0` and `::/0` for the default route. */
  dst: string;
  via?: string;
  oif?: number;
  /** Links of the further next hops, of a route that has several. */
  otherOifs?: number[];
  protocol: number;
  /** Metric. */
  priority: number;
  /** RTN_UNICAST is 1. */
  type: number;
}

/** `rtm_type` of a route that leads to a next hop or link. */
export const RTN_UNICAST = 1;

/** What is used of a link. */
export interface KernelLink {
  index: number;
  name: string;
  mtu: number;
  up: boolean;
  mac?: string;
  /** IFLA_IFALIAS. */
  alias?: string;
  vxlan?: { id: number; port: number; learning: boolean; local?: string };
}

/** An entry of the tunnel's link: of a MAC address the remote end (`fdb`), of a next hop the MAC address. */
export interface KernelNeighbour {
  table: 'fdb' | 'neighbour';
  index: number;
  mac: string;
  address: string;
}

/** What identifies an entry: on a link there is of one MAC address one remote end, of one next hop one MAC address. */
export const entryKey = ({ index, table, mac, address }: KernelNeighbour): string =>
  `${index} ${table === 'fdb' ? `fdb ${mac}` : `neighbour ${address}`}`;

/** An address of the link with that index. */
export interface KernelAddress {
  index: number;
  /** With its prefix length: `192.0.2.7/24`. */
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

/** A foreign route, as far as it tells whether a next hop is on-link. */
export interface Hop {
  dst: string;
  oif?: number;
  dev?: string;
  /** Packets go by a gateway, or nowhere. */
  gateway: boolean;
}

/** One of the agent's tunnels as it is. */
export interface PresentTunnel {
  index: number;
  name: string;
  vni: number;
  port: number;
  learning: boolean;
  mac: string;
  mtu: number;
  up: boolean;
  local?: string;
  addresses: string[];
}

/** What the desired state depends on, of all that the kernel says. */
export interface HostFacts {
  /** Interface of each family's default route with the least metric, or the configured one. */
  egress: Partial<Record<Family, EgressInterface>>;
  /** Names of all interfaces that default routes lead out of, that of `egress` first. */
  egressInterfaces: Record<Family, string[]>;
  /** Foreign routes, longest prefix first: they decide whether a next hop is on-link. */
  table: readonly Hop[];
  /** Addresses of this node, without prefix length, and the MTU of each one's link. */
  localAddresses: ReadonlyMap<string, number>;
  /** The agent's tunnels: one for each family of outer packets in use, unless its settings changed. */
  tunnels: readonly PresentTunnel[];
  /** The plugin's bridge exists: pods were attached on this node. */
  hasPods: boolean;
  /** Links of others that a tunnel of ours could collide with: any VXLAN, and links with the tunnel's names. */
  foreignLinks: ReadonlyArray<{ index: number; name: string; vni?: number; port?: number }>;
}

/** A setting below /proc/sys and the value it is to have. */
export interface Sysctl {
  /** Path below /proc/sys. */
  key: string;
  value: string;
  /** Only change it when it has this value now; absent: whenever it differs. */
  onlyIf?: string;
  /** Another setting; what holds is the greater value of the two. */
  effectiveMaxOf?: string;
  /** Of a link that comes and goes: never left to the plugin, which refuses a pod when the setting is missing. */
  transient?: true;
  why: string;
}

/** A network configuration of one plugin, as CNI's lists hold it. */
export type ChainedPlugin = Readonly<Record<string, unknown>>;

/** What to chain; `plugins` absent: it is not known, so that no conflist may be written without it. */
export interface Chain {
  plugins?: readonly ChainedPlugin[];
  problems: Problem[];
}
