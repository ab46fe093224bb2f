/** Input of the checks, collected by `gather.ts`: plain values, so that each check is a pure function. */

import type { Family } from '@cnikit/ip';
import type { BackendReport } from '@cnikit/iptables';
import type { Finding as PolicyFinding } from '@cnikit/policy';
import type { FileAction, KernelAction, SysctlAction } from '../../core/action.ts';
import type { NodeInfo, NodeRoute } from '../../core/model.ts';
import type { Problem } from '../../core/problem.ts';
import type { DesiredHost } from '../../desired/desired-host.ts';
import type { NodeIndex } from '../../desired/node-index.ts';
import type { Leak } from '../../leaks/find.ts';
import type { Configuration } from '../../observe/configurations.ts';
import type { RuntimeFolders } from '../../observe/runtime-folders.ts';
import type { RunningAddress } from '../../repair/earlier-range.ts';

/** A permission that the agent uses. */
export interface Access {
  verb: string;
  /** @default the core group */
  group?: string | undefined;
  /**
   * The manifest that grants it.
   *
   * @default 'deploy/base/rbac.yaml'
   */
  manifest?: string | undefined;
  /** Resource, and subresource after a slash. */
  resource: string;
  namespace?: string;
  /** Purpose, as the end of a sentence: `to read its own node`. */
  use: string;
  /** False: without it the agent works, but lacks that feature. */
  needed: boolean;
  /** Undefined: unknown. */
  allowed?: boolean | undefined;
}

export interface ApiFacts {
  server: string;
  /** Why Nodes could not be listed. */
  error?: string;
  access: readonly Access[];
}

export interface PluginFacts {
  path: string;
  /** Versions that it reported for VERSION; undefined when it did not run. */
  versions?: readonly string[];
  /** Why it did not run. */
  error?: string;
  /** Plugins that the conflist or the runtime needs, but that are not installed. */
  missing: readonly string[];
  /** Plugins of the conflist that do not speak one of the CNI versions that it offers. */
  unspoken?: readonly UnspokenVersion[];
  /** Plugin and configuration folders of the container runtimes, as their configurations name them. */
  runtimes?: readonly RuntimeFolders[];
}

/** A plugin that fails when the runtime picks `offered`. */
export interface UnspokenVersion {
  type: string;
  versions: readonly string[];
  offered: string;
}

export interface RuleFacts {
  /** `inet`: the nftables table of both families. */
  family: Family | 'inet';
  /** Differences from the desired state, as `plan` prints them. */
  changes: readonly string[];
  error?: string;
  backend?: BackendReport;
}

/** Result of probing one address of another node. */
export interface PeerFacts {
  node: string;
  address: string;
  /** Egress link; undefined without a route. */
  dev?: string;
  /** Next hop: the address itself or a gateway. */
  hop?: string;
  /** State of the next hop after the probes; `none`: no route. */
  neighbour: 'reachable' | 'unresolved' | 'none';
  /** Size of the full-size probe in bytes, IP header included. */
  size: number;
  mtu: PathMtu;
}

/**
 * Result of the full-size probe. `fits`: a reply. `too-big`: a hop or this node reported the path MTU. `lost`: only
 * small probes got replies. `silent`: no probe got a reply; a packet filter may drop them.
 */
export type PathMtu = { result: 'fits' | 'lost' | 'silent' } | { result: 'too-big'; fits?: number };

/** An address inside a pod, and the host end of the pod's link. */
export interface PodAddress {
  link: string;
  address: string;
}

/** State of the enforcement of NetworkPolicies. */
export interface PolicyFacts {
  /** Addresses of pods that the table does not know; undefined when there is no table. */
  closed: readonly PodAddress[] | undefined;
  /** Why the objects could not be listed. */
  error?: string;
  /** Number of NetworkPolicies. */
  policies: number;
  /** Objects with a field that this version does not know. */
  faults: readonly string[];
  /** Parts of policies that have no effect. */
  findings: readonly PolicyFinding[];
}

/** The fields of a link that the checks use. */
export interface LinkFacts {
  index: number;
  name: string;
  kind?: string;
  mtu: number;
  /** IFF_*. */
  flags?: number;
  /** Index of the bridge that it is a port of; 0 or absent: none. */
  master?: number | undefined;
  /** IFLA_GROUP. */
  group?: number | undefined;
}

/** State of the kernel for pods of the layout `routed`. */
export interface RoutedFacts {
  /** Routes of the main table by their host ends. */
  routes: ReadonlyArray<{ dst: string; oif?: number | undefined }>;
  /** The guard against foreign source addresses has its rules; undefined without nftables. */
  guard?: boolean | undefined;
  /** Host ends of pods that may send from other source addresses, and whose reverse path filter drops such packets. */
  strictEnds: readonly string[];
  /** Answers of the bridge for others; undefined without pods of the bridge layout. */
  bridge?: { proxyArp: boolean; proxyNdp: boolean; proxies: readonly string[] } | undefined;
}

/** The files in the state directory. */
export interface StateFileFacts {
  /** Path of readiness.json, which STATUS of the plugin reads. */
  path: string;
  /** Its content; undefined when it does not exist or is unreadable. */
  readiness?: { ready: boolean; reason?: string } | undefined;
  /** Path of the saved node state. */
  savedPath: string;
  /** The saved node state is valid. */
  saved: boolean;
}

export interface DoctorFacts {
  nodeName: string;
  confDir: string;
  api: ApiFacts;
  /** Nodes from the API, or from the saved state while the API is unreachable. */
  claims: NodeIndex;
  own?: NodeInfo | undefined;
  desired?: DesiredHost | undefined;
  routes: {
    /** Differences from the desired state. */
    changes: readonly KernelAction[];
    problems: readonly Problem[];
    wanted: ReadonlyMap<string, NodeRoute>;
  };
  /** Problems of the self-test, which checks that packets take the routes. */
  selfTest: readonly Problem[];
  /** Differences from the desired state. */
  sysctls: readonly SysctlAction[];
  rules: readonly RuleFacts[];
  /** Chains of nftables that drop IPv6 packets from another link than the one to their source. */
  strictFilters?: readonly string[];
  /** Chains that the back end of the packet filter cannot overrule, and the like. */
  filterProblems: readonly Problem[];
  /** The kernel can randomise masqueraded ports. */
  randomPorts: boolean;
  configurations: readonly Configuration[];
  /** Differences of executable, links and conflist from the desired state. */
  files: readonly FileAction[];
  fileProblems: readonly Problem[];
  plugin: PluginFacts;
  links: readonly LinkFacts[];
  addresses: ReadonlyArray<{ index: number; address: string }>;
  peers: readonly PeerFacts[];
  /** Number of addresses of other nodes; more than `peers` in a large cluster. */
  peerCount: number;
  podAddresses: readonly PodAddress[];
  /** Returns `namespace/name` of the pod behind a link, if the runtime recorded it. */
  podBehind?: (link: string) => string | undefined;
  reservedAddresses: readonly string[];
  /** Reserved addresses of pods that run. */
  runningAddresses?: readonly RunningAddress[];
  /** Undefined when no routed pod runs. */
  routed?: RoutedFacts | undefined;
  leaks: readonly Leak[];
  pools: ReadonlyArray<{ range: string; used: number; free: number }>;
  runtimeUp: boolean;
  stateFiles: StateFileFacts;
  /** Undefined: NetworkPolicies are not enforced. */
  policy?: PolicyFacts | undefined;
  /** State that the running agent reports; undefined when no agent answers. */
  agent?: { ready: boolean; problems: readonly string[] };
}
