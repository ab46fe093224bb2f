/** Decides what a node should have, except for its routes. Pure. */

import { type Family, families } from '@cnikit/ip';
import type { TableSpec } from '@cnikit/iptables';
import type { Backend } from '../core/backend.ts';
import type { FilterTable } from '../core/filter-table.ts';
import type { Chain, HostFacts, Masquerade, NodeInfo, Sysctl } from '../core/model.ts';
import { insideSet } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';
import { conflist } from './conflist.ts';
import { insideRoutes } from './inside-routes.ts';
import { listVersions } from './list-versions.ts';
import { mtuProblems, noPaths, type PathMtus } from './mtu.ts';
import { nftablesTable } from './nftables.ts';
import type { NodeIndex } from './node-index.ts';
import { asElements, asRules, desiredFilter, type Inside, insidePrefixes } from './packet-filter.ts';
import { type Reachability, viewOf } from './route.ts';
import { acceptRules, iptablesRules, noRules } from './rules.ts';
import { desiredSysctls, familiesOf } from './sysctls.ts';
import { desiredTunnel, tunnelConflicts } from './tunnel.ts';

/** The operator's choices. */
export interface Policy extends Reachability {
  /** Name of this Node in the API. */
  nodeName: string;
  /** Destinations outside the cluster that see the address of pods. */
  nonMasquerade: readonly string[];
  /** @default 'destination' */
  masquerade?: Masquerade | undefined;
  /**
   * Directory of the plugin's state.
   *
   * @default '/run/cnikit'
   */
  stateDir?: string;
  /**
   * The plugin reports pods to the agent, which enforces network policy.
   *
   * @default false
   */
  networkPolicy?: boolean | undefined;
  /**
   * Namespaces whose pods may ask to send from other source addresses.
   *
   * @default []
   */
  foreignSourceNamespaces?: readonly string[] | undefined;
  /**
   * Pods of a bridge have MAC addresses that follow from their addresses.
   *
   * @default false
   */
  macFromAddress?: boolean | undefined;
}

/** Desired state except for the routes, which `desiredRoutes` decides one prefix at a time. */
export interface DesiredHost {
  sysctls: Sysctl[];
  /** The back end of the packet filter. Computed on first use, like the three below. */
  readonly backend: Backend;
  /** The nftables table; undefined: none. */
  readonly nftables: FilterTable | undefined;
  /** Rules of iptables. */
  readonly rules: Record<Family, readonly TableSpec[]>;
  /** Elements of the ipset that a family's rules match; undefined: no set. */
  readonly inside: Record<Family, readonly string[] | undefined>;
  /** Text of the conflist; undefined while the plugins to chain are unknown. Computed on first use. */
  readonly conflist: string | undefined;
  problems: Problem[];
}

/** Capabilities and circumstances of the host that the desired state depends on. */
export interface HostCapabilities {
  /** MTUs of the ways to other nodes; default: no other nodes. */
  paths?: PathMtus;
  /** Sysctls that this process cannot write and the plugin sets, by key; default: none. */
  leftToPlugin?: (sysctls: readonly Sysctl[]) => Readonly<Record<string, string>>;
  /** Returns the back end of the packet filter; default: iptables. */
  backend?: (podCIDRs: readonly string[]) => Backend;
  /** Returns whether rules of iptables may match sets; default: no. */
  usesSets?: () => boolean;
  /** Masquerading may choose ports at random; default: yes. */
  randomPorts?: boolean;
  /** Default: no plugins are chained. */
  chain?: Chain | undefined;
}

/**
 * Decides sysctls, rules and CNI configuration. Returns undefined while this node is unknown or has no
 * podCIDR.
 */
export function desiredHost(
  claims: NodeIndex,
  policy: Policy,
  facts: HostFacts,
  {
    paths = noPaths,
    leftToPlugin = () => ({}),
    backend = () => ({ name: 'iptables', accept: [], reason: 'the default' }),
    usesSets = () => false,
    randomPorts = true,
    chain = { plugins: [], problems: [] },
  }: HostCapabilities = {},
): DesiredHost | undefined {
  const own = claims.get(policy.nodeName);
  if (own === undefined || own.podCIDRs.length === 0) {
    return undefined;
  }
  const used = familiesOf(own);
  const view = viewOf(own, facts, policy);
  const { masquerade = 'destination' } = policy;
  const filters = {
    ipv4: desiredFilter('ipv4', own, facts, masquerade),
    ipv6: desiredFilter('ipv6', own, facts, masquerade),
  };
  const prefixes = (family: Family): string[] =>
    insidePrefixes(family, claims.nodes(), policy.nonMasquerade, masquerade);
  const rules = (family: Family): readonly TableSpec[] => {
    const { name, accept } = chosen();
    if (name === 'nftables') {
      return accept.includes(family) ? acceptRules(filters[family]) : noRules;
    }
    const destinations = (): Inside => (usesSets() ? { set: insideSet(family) } : asRules(prefixes(family)));
    return iptablesRules(filters[family], destinations, randomPorts);
  };
  const inside = (family: Family): string[] | undefined =>
    chosen().name === 'iptables' && filters[family]?.masquerade !== undefined && usesSets()
      ? asElements(prefixes(family))
      : undefined;
  let back: Backend | undefined;
  const chosen = (): Backend => {
    back ??= backend(own.podCIDRs);
    return back;
  };
  let made: DesiredHost['rules'] | undefined;
  let elements: DesiredHost['inside'] | undefined;
  let table: { nftables: FilterTable | undefined } | undefined;
  const { stateDir } = policy;
  const tunnels = [...paths.tunnels.keys()].map((underlay) =>
    desiredTunnel(own, facts, view.tunnel, underlay, paths, policy.mtu),
  );
  const sysctls = desiredSysctls(
    own,
    facts,
    tunnels.map(({ name }) => name),
    paths.links,
  );
  const { versions, problems: limits } = listVersions(chain.spoken ?? []);
  const list = (): string | undefined =>
    chain.plugins && versions.length > 0
      ? conflist(own, facts, {
          chain: chain.plugins,
          versions,
          hostSysctls: leftToPlugin(sysctls),
          stateDir,
          tunnels,
          paths,
          layout: policy.layout,
          networkPolicy: policy.networkPolicy,
          foreignSourceNamespaces: policy.foreignSourceNamespaces,
          macFromAddress: policy.macFromAddress,
          mtu: policy.mtu,
        })
      : undefined;
  let text: { conflist: string | undefined } | undefined;
  return {
    sysctls,
    // Rules and sets depend on all nodes; sysctls and routes need not wait for them.
    get backend() {
      return chosen();
    },
    get nftables() {
      table ??= { nftables: chosen().name === 'nftables' ? nftablesTable(filters, prefixes) : undefined };
      return table.nftables;
    },
    get rules() {
      made ??= { ipv4: rules('ipv4'), ipv6: rules('ipv6') };
      return made;
    },
    get inside() {
      elements ??= { ipv4: inside('ipv4'), ipv6: inside('ipv6') };
      return elements;
    },
    get conflist() {
      text ??= { conflist: list() };
      return text.conflist;
    },
    problems: [
      ...chain.problems,
      ...mtuProblems(own, facts, paths, policy.mtu),
      ...limits,
      ...insideRoutes(own, facts),
      // A foreign VXLAN with our VNI and port conflicts with both links.
      ...new Map(
        tunnels.flatMap((tunnel) => tunnelConflicts(facts, tunnel)).map((each) => [each.subject, each]),
      ).values(),
      ...families
        .filter((family) => used.has(family) && facts.egress[family] === undefined)
        .map((family) => problem('no-default-route', family, noDefaultRoute(family, masquerade))),
    ],
  };
}

const noDefaultRoute = (family: Family, masquerade: Masquerade): string =>
  masquerade === 'egress'
    ? `No ${family} default route, so nothing is masqueraded for ${family}: pods cannot reach hosts outside the cluster. Add a default route or set --outside-interface`
    : `No ${family} default route: pods reach only those hosts outside the cluster that this node has a route to. Add a default route if they need others, or set --outside-interface`;

/** Returns the problems that keep this node from being set up. */
export function ownProblem(own: NodeInfo | undefined, nodeName: string): Problem[] {
  if (own === undefined) {
    return [
      problem(
        'own-node',
        nodeName,
        `Node ${nodeName} does not exist in the API: waiting for it. Check that NODE_NAME is the name that the kubelet registered`,
      ),
    ];
  }
  if (own.podCIDRs.length > 0) {
    return [];
  }
  return [
    problem(
      'own-node',
      nodeName,
      `Node ${nodeName} has no podCIDR: waiting for it. The controller manager assigns one when it runs with --allocate-node-cidrs and --cluster-cidr`,
    ),
  ];
}

/** Returns the problems of one Node object. */
export function problemsOf(node: NodeInfo, nodeName: string): Problem[] {
  const problems = node.rejected.map((reason) =>
    problem('node', `${node.name}: ${reason}`, `Node ${node.name}: ${reason}`),
  );
  if (node.name !== nodeName && node.podCIDRs.length === 0 && node.rejected.length === 0) {
    problems.push(
      problem('node', node.name, `Node ${node.name} has no podCIDR yet, so there is no route to its pods`),
    );
  }
  return problems;
}
