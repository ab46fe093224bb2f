/** The values that travel between observe, desired, diff and apply. */
import type { Family } from './prefix.ts';

/** What is kept of a Node object: nothing else of it is stored. */
export interface NodeInfo {
  name: string;
  uid: string;
  /** `metadata.creationTimestamp`, RFC 3339; sorts as text. */
  created: string;
  /** Canonical prefixes in the Node's own order, which is the cluster's order of families. */
  podCIDRs: string[];
  /** Canonical addresses, in the Node's order. */
  internalIPs: string[];
  /** Status of the condition NetworkUnavailable, absent when the Node has none. */
  networkUnavailable?: string;
  /** Keys of the taints, absent when there are none. */
  taints?: string[];
  /** What could not be used of the object, as sentences. */
  rejected: string[];
}

/** Something that an operator has to know; `key` names it, so that it is said once and its end is said too. */
export interface Problem {
  key: string;
  message: string;
}

/** A route to another node's pods. `dst` is canonical, `dev` only for people. */
export interface NodeRoute {
  dst: string;
  via: string;
  oif: number;
  dev: string;
}

/** A route of the main table as the kernel has it; the agent's own are told by `protocol`. */
export interface KernelRoute {
  family: Family;
  /** Canonical; `0.0.0.0/0` and `::/0` for the default route. */
  dst: string;
  via?: string;
  oif?: number;
  protocol: number;
  /** Metric. */
  priority: number;
  /** RTN_UNICAST is 1. */
  type: number;
}

/** What is used of a link. */
export interface KernelLink {
  index: number;
  name: string;
  mtu: number;
  up: boolean;
}

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
}

/** The rtm_protocol of the agent's routes; what carries another number is not ours. */
export const ROUTE_PROTOCOL = 201;
export const RTN_UNICAST = 1;

export interface OutsideInterface {
  index: number;
  name: string;
  mtu: number;
}

/** What the desired state depends on, of all that the kernel says. */
export interface HostFacts {
  /** The interface of each family's default route (least metric), or the one configured. */
  outside: Partial<Record<Family, OutsideInterface>>;
  /** Foreign unicast routes, longest prefix first: decides if a next hop is on-link. */
  table: ReadonlyArray<{ dst: string; oif?: number; dev?: string; gateway: boolean }>;
  /** Addresses of this node, without prefix length, and the MTU of the link that has each. */
  local: ReadonlyMap<string, number>;
}

/** A setting below /proc/sys and the value it is to have. */
export interface Sysctl {
  /** Path below /proc/sys. */
  key: string;
  value: string;
  /** Only change it when it has this value now; absent: whenever it differs. */
  onlyFrom?: string;
  why: string;
}
