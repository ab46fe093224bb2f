/** Agents with one bug each, which the simulation must find. */
import type { Modules } from './node.ts';

export interface Mutant {
  what: string;
  /** Below packages/. */
  file: string;
  /** Profile of the histories that can find it; absent: any. */
  profile?: 'control-plane';
  /** A seed that found it. The search starts there, and continues with all seeds once histories have changed. */
  foundBy?: number;
  /** Text that the file has exactly once, and its replacement. */
  from: string;
  to: string;
}

export const mutants: Record<string, Mutant> = {
  'deaf-to-deletes': {
    what: 'a deleted node is not reported to the agent',
    file: 'agent/src/observe/nodes.ts',
    foundBy: 8,
    from: 'consumer.deleteNode(change.object.name);',
    to: 'continue;',
  },
  'no-relist-diff': {
    what: 'a list after an outage omits the nodes deleted during it',
    file: 'watch/src/store.ts',
    from: 'return [...gone, ...changes];',
    to: 'return changes;',
  },
  'tramples-foreign': {
    what: 'a foreign route counts as the own one',
    file: 'agent/src/observe/route-table.ts',
    from: 'route.protocol === ROUTE_PROTOCOL;',
    to: 'route.protocol > 3;',
  },
  'youngest-holds': {
    what: 'of two claimants the younger one gets the route',
    file: 'agent/src/desired/node-index.ts',
    from: 'return compare(a.created, b.created)',
    to: 'return compare(b.created, a.created)',
  },
  'no-drift-repair': {
    what: 'events of own routes are ignored',
    file: 'agent/src/reconcile/reconciler.ts',
    from: "if (event.type === 'route' && isOwn(event.route)) {",
    to: "if (event.type === 'route' && isOwn(event.route)) {\n      return undefined;",
  },
  'ignores-overflow': {
    what: 'lost events cause no dump',
    file: 'agent/src/observe/facts.ts',
    from: "    case 'overflow':\n      return true;",
    to: "    case 'overflow':\n      return false;",
  },
  'no-retry': {
    what: 'changes that the kernel refused are not retried',
    file: 'agent/src/reconcile/scheduler.ts',
    from: "this.#timers.start('retry', this.#retryMs, () => this.#passes.resync());",
    to: '',
  },
  'goes-back': {
    what: 'a restart accepts a list older than its saved state',
    file: 'watch/src/watch.ts',
    profile: 'control-plane',
    from: "this.#notOlderThan = options.notOlderThan ?? '0';",
    to: "this.#notOlderThan = '0';",
  },
  'no-idle-watchdog': {
    what: 'a silent watch is never given up',
    file: 'watch/src/idle-timer.ts',
    foundBy: 9,
    from: 'this.#onTimeout();',
    to: 'return;',
  },
  'slow-to-return': {
    what: 'the wait for an unreachable server keeps growing',
    file: 'watch/src/retry-delays.ts',
    from: 'error.unreached ? this.#unreached : this.#backoff',
    to: 'this.#backoff',
  },
  'keeps-old-hop': {
    what: 'a changed InternalIP is ignored',
    file: 'agent/src/observe/node.ts',
    from: '    sameList(a.internalIPs, b.internalIPs) &&\n',
    to: '',
  },
  'blind-to-entries': {
    what: 'a tunnel entry that another program removes or changes is not repaired',
    file: 'agent/src/reconcile/reconciler.ts',
    from: "return this.#routes.observeNeighbour(event.op, event.neighbour) ? 'partial' : undefined;",
    to: 'this.#routes.observeNeighbour(event.op, event.neighbour);\n      return undefined;',
  },
  'one-tunnel': {
    what: 'an IPv6 peer is added to the IPv4 tunnel link',
    file: 'agent/src/core/names.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of that file
    from: "return underlay === 'ipv4' ? name : `${name}6`;",
    to: 'return name;',
  },
  'keeps-tunnel': {
    what: 'an unused tunnel is not removed',
    file: 'agent/src/reconcile/route-reconciler.ts',
    from: "this.#makeTunnels(tunnels, outcome, 'all');",
    to: '',
  },
  'grasps-links': {
    what: 'a foreign link with the tunnel name counts as own',
    file: 'agent/src/core/tunnel-mark.ts',
    from: 'alias === TUNNEL_ALIAS ||',
    to: "alias === TUNNEL_ALIAS ||\n    name.startsWith('cnikit-vx') ||",
  },
  'tunnel-of-yesterday': {
    what: 'a changed MTU of the tunnel is not repaired',
    file: 'agent/src/desired/tunnel.ts',
    from: '    have.mtu === want.mtu &&\n',
    to: '',
  },
  'stale-way': {
    what: 'the old route stays while the tunnel cannot be created',
    file: 'agent/src/reconcile/route-order.ts',
    foundBy: 18,
    from: "return action.op === 'change' ? [{ kind: 'route', op: 'remove', old: action.old }] : [];",
    to: 'return [];',
  },
  'direct-without-link-layer': {
    what: 'a node on a link without a link layer is reached directly',
    file: 'agent/src/desired/route.ts',
    from: "(hop.noArp !== true || view.encap === 'never')",
    to: "(hop.noArp !== true || view.encap !== 'always')",
  },
  'mtu-of-the-address': {
    what: 'the tunnel has the MTU of the link with the InternalIP',
    file: 'agent/src/desired/mtu.ts',
    from: 'tunnels.get(underlay) ?? (link ||',
    to: '(link || tunnels.get(underlay) ||',
  },
  'tunnel-below-ipv6': {
    what: 'a tunnel with IPv6 pods has less than 1280 bytes',
    file: 'agent/src/desired/mtu.ts',
    from: 'hasIpv6(own) ? Math.max(mtu, MIN_IPV6_MTU) : mtu',
    to: 'mtu',
  },
  'shares-prefixes': {
    what: 'all of several overlapping podCIDRs are routed',
    file: 'agent/src/desired/route.ts',
    from: 'if (rival !== undefined)',
    to: 'if (rival !== undefined && rivals.length < 0)',
  },
  'deaf-to-rules': {
    what: 'events of rules are ignored',
    file: 'agent/src/reconcile/agent.ts',
    from: '    this.#reconciler.observeRules();\n    this.#scheduler.scheduleRulesRepair(this.#reconciler.contests.rules.delayMs);',
    to: '',
  },
  'yields-to-rules': {
    what: 'a foreign rule that drops everything before the own ones is tolerated',
    file: 'agent/src/desired/rules.ts',
    from: "at: 'before-default'",
    to: "at: 'last'",
  },
  'overrules-decisions': {
    what: 'the own rules accept packets before kube-proxy can drop them',
    file: 'agent/src/desired/rules.ts',
    from: "at: 'before-default'",
    to: "at: 'first'",
  },
  'masquerades-by-link': {
    what: 'pods are masqueraded on links of default routes only',
    file: 'agent/src/desired/packet-filter.ts',
    from: "if (mode === 'destination') {",
    to: 'if (facts.egressInterfaces[family].length === 0) {',
  },
  'spares-nodes': {
    what: 'pods keep their address towards nodes',
    file: 'agent/src/desired/packet-filter.ts',
    from: "mode === 'egress' ? all : []",
    to: 'all',
  },
  'forgets-router-advertisements': {
    what: 'a link other than that of the default route loses its router advertisements',
    file: 'agent/src/observe/facts.ts',
    from: '(network && master === undefined)',
    to: '(network && master !== undefined)',
  },
  'forwards-by-all': {
    what: 'forwarding that is disabled on one link stays disabled',
    file: 'agent/src/desired/sysctls.ts',
    from: 'return [BRIDGE_NAME, ...pathsOf(facts, links)].map(',
    to: 'return [BRIDGE_NAME].map(',
  },
  'no-sysctl-repair': {
    what: 'a changed setting is not repaired',
    file: 'agent/src/reconcile/reconciler.ts',
    from: 'if (before !== undefined) {\n      this.#sysctls(before);',
    to: 'if (before !== undefined && !this.#programmed) {\n      this.#sysctls(before);',
  },
  'set-of-yesterday': {
    what: 'a deleted node stays in the set of addresses that are not masqueraded',
    file: 'agent/src/apply/sets.ts',
    from: 'for (const element of unwanted)',
    to: 'for (const element of [])',
  },
  'table-of-yesterday': {
    what: 'a deleted node stays in the nftables set of addresses that are not masqueraded',
    file: 'agent/src/apply/nftables.ts',
    from: 'const remove = [...unwanted];',
    to: 'const remove: string[] = [];',
  },
  'trusts-its-memory': {
    what: 'a changed nftables table is not read again',
    file: 'agent/src/apply/nftables.ts',
    from: 'fresh || known === undefined ? store.read() : known.table',
    to: 'known === undefined ? store.read() : known.table',
  },
  'ignores-bent-rules': {
    what: 'a changed rule of the nftables table is kept',
    file: 'agent/src/apply/nftables.ts',
    foundBy: 12,
    from: 'rules.length === wanted.length && rules.every((rule, i) => rule === wanted[i])',
    to: 'rules.length > 0',
  },
  'both-back-ends': {
    what: 'the nftables table stays beside the rules of iptables',
    file: 'agent/src/reconcile/host-reconciler.ts',
    from: 'if (nftables === undefined) {\n        table();',
    to: 'if (nftables === undefined) {',
  },
  'keeps-iptables': {
    what: 'rules of iptables stay beside the nftables table',
    file: 'agent/src/desired/desired-host.ts',
    from: 'return accept.includes(family) ? acceptRules(filters[family]) : noRules;',
    to: 'return acceptRules(filters[family]);',
  },
  'accepts-nowhere': {
    what: 'a chain of iptables that drops by default is ignored',
    file: 'agent/src/desired/backend.ts',
    from: 'foes.some((chain) => chain.families.includes(family))',
    to: 'foes.some((chain) => !chain.families.includes(family))',
  },
  'masquerades-pods': {
    what: 'the nftables table masquerades exactly what it should spare',
    file: 'agent/src/desired/nftables.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of that file
    from: 'member(`inside${suffix}`, NOT_IN_SET)',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of that file
    to: 'member(`inside${suffix}`)',
  },
  'rejects-nothing': {
    what: 'packets to addresses of no routed pod leave the node',
    file: 'agent/src/desired/route.ts',
    from: "return view.layout === 'routed' ? { unreachable: true, problems } : { problems };",
    to: 'return { problems };',
  },
  'rejects-for-bridges': {
    what: 'a node that went back to the bridge layout keeps its unreachable routes',
    file: 'agent/src/desired/route.ts',
    from: "return view.layout === 'routed' ?",
    to: 'return view.layout ?',
  },
  'keeps-wrong-rejections': {
    what: 'another own route in the own podCIDR counts as the unreachable one',
    file: 'agent/src/reconcile/diff.ts',
    from: '({ type, priority }) => type === RTN_UNREACHABLE && priority === UNREACHABLE_METRIC,',
    to: '({ priority }) => priority === UNREACHABLE_METRIC,',
  },
  'writes-at-rest': {
    what: 'a correct route is written again',
    file: 'agent/src/reconcile/diff.ts',
    from: 'have.via === want.via &&',
    to: 'have.via !== want.via &&',
  },
};

/** Imports the agent's modules with a mutant, through the plugin of vitest.config.ts. */
export async function mutated(name: string): Promise<Modules> {
  const [loop, metrics, nodes, sets, table] = await Promise.all([
    import(/* @vite-ignore */ `../../src/reconcile/agent.ts?mutant=${name}`),
    import(/* @vite-ignore */ `../../src/core/metrics.ts?mutant=${name}`),
    import(/* @vite-ignore */ `../../src/observe/nodes.ts?mutant=${name}`),
    import(/* @vite-ignore */ `../../src/apply/sets.ts?mutant=${name}`),
    import(/* @vite-ignore */ `../../src/apply/nftables.ts?mutant=${name}`),
  ]);
  return {
    Agent: loop.Agent,
    Metrics: metrics.Metrics,
    followNodes: nodes.followNodes,
    Outage: nodes.Outage,
    watchNodes: nodes.watchNodes,
    createSets: sets.createSets,
    createNftFilter: table.createNftFilter,
  } as Modules;
}
