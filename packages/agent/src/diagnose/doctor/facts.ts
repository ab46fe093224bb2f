/** All that the checks look at, gathered by `gather.ts`: plain values, so that a check is a function of them. */
import type { BackendReport } from '@cnikit/iptables';
import type { FileAction, KernelAction, SysctlAction } from '../../core/action.ts';
import type { NodeInfo, NodeRoute } from '../../core/model.ts';
import type { Family } from '../../core/prefix.ts';
import type { Problem } from '../../core/problem.ts';
import type { Claims } from '../../desired/claims.ts';
import type { DesiredHost } from '../../desired/desired-host.ts';
import type { Leak } from '../../leaks/find.ts';
import type { Configuration } from '../../observe/configurations.ts';

/** A permission that the agent uses. */
export interface Access {
  verb: string;
  /** With a subresource after a slash. */
  resource: string;
  namespace?: string;
  /** What it is for, as the end of a sentence. */
  use: string;
  /** False: the agent works without it, and lacks what it is for. */
  needed: boolean;
  /** Absent: could not be found out. */
  allowed?: boolean;
}

export interface ApiFacts {
  server: string;
  /** Why Nodes could not be listed. */
  error?: string;
  access: readonly Access[];
}

export interface PluginFacts {
  path: string;
  /** What it printed for VERSION; absent when it did not run. */
  versions?: readonly string[];
  /** Why it did not run. */
  error?: string;
  /** Plugins that the conflist names, or that the runtime needs, and that are not installed. */
  missing: readonly string[];
}

export interface RuleFacts {
  family: Family;
  /** What would have to change, as `plan` prints it. */
  changes: readonly string[];
  error?: string;
  backend?: BackendReport;
}

/** What was found out about the way to one address of another node. */
export interface PeerFacts {
  node: string;
  address: string;
  /** Name of the link that packets to it leave by; absent when there is no route. */
  dev?: string;
  /** The neighbour that packets are sent to: the address itself or a gateway. */
  hop?: string;
  /** Whether that neighbour's hardware address is known after packets were sent; `none`: there is no route. */
  neighbour: 'reachable' | 'unresolved' | 'none';
  /** Size of the packets that were to come through whole, bytes with the IP header. */
  size: number;
  mtu: PathMtu;
}

/**
 * `fits`: the peer answered a packet of that size. `too-big`: some hop, or this node, said that it is too big, and
 * which size would fit. `lost`: small packets are answered and this one was not. `silent`: none was answered, which a
 * packet filter may well do.
 */
export type PathMtu = { result: 'fits' | 'lost' | 'silent' } | { result: 'too-big'; fits?: number };

/** An address inside a pod, by the host end of its link. */
export interface PodAddress {
  link: string;
  address: string;
}

/** What is used of a link of this node. */
export interface LinkFacts {
  index: number;
  name: string;
  kind?: string;
  mtu: number;
}

export interface DoctorFacts {
  nodeName: string;
  confDir: string;
  api: ApiFacts;
  /** From the API, or from the last saved state when that does not answer. */
  claims: Claims;
  own?: NodeInfo;
  desired?: DesiredHost;
  routes: {
    /** What would have to change. */
    changes: readonly KernelAction[];
    problems: readonly Problem[];
    wanted: ReadonlyMap<string, NodeRoute>;
  };
  /** Whether packets take the routes. */
  selfTest: readonly Problem[];
  /** What would have to change. */
  sysctls: readonly SysctlAction[];
  rules: readonly RuleFacts[];
  /** Masqueraded ports are chosen at random, as far as the kernel can. */
  randomPorts: boolean;
  configurations: readonly Configuration[];
  /** Executable, links and conflist: what would have to change. */
  files: readonly FileAction[];
  fileProblems: readonly Problem[];
  plugin: PluginFacts;
  links: readonly LinkFacts[];
  addresses: ReadonlyArray<{ index: number; address: string }>;
  peers: readonly PeerFacts[];
  /** How many addresses of other nodes there are; more than `peers` in a large cluster. */
  peerCount: number;
  podAddresses: readonly PodAddress[];
  reservedAddresses: readonly string[];
  leaks: readonly Leak[];
  pools: ReadonlyArray<{ range: string; used: number; free: number }>;
  runtimeUp: boolean;
  /** What the running agent says of itself; absent when none answers. */
  agent?: { ready: boolean; problems: readonly string[] };
}
