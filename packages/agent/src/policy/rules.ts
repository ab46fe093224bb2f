/** Rules of NetworkPolicies as expressions of the kernel. Pure. */
import { type Family, families, familyOf } from '@cnikit/ip';
import type { ChainHook, Expression } from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import type { Direction, PeerMatch, Rule, ServiceMatch } from '@cnikit/policy';
import { FOREIGN_SOURCE_GROUPS } from '../core/names.ts';
import { chainName, LINK_MAP, podMap, portSet, selectionSet } from './names.ts';

/** Rules that depend on options. */
export interface RuleOptions {
  /** Bit of the connection mark that ends a connection; undefined: established connections go on. */
  cutMark?: number | undefined;
  /** Reports denied packets; undefined: no rule does. */
  log?: DenialLog | undefined;
  /** Pods that may send from other source addresses; undefined: none may. */
  foreign?: { readonly addresses: ReadonlyMap<string, readonly string[]> } | undefined;
}

/** How denied packets are reported. */
export interface DenialLog {
  /** Group of NFNETLINK_LOG listeners. */
  group: number;
  /** Packets in each second. */
  rate: number;
}

/** Addresses that the table covers, and the rules that depend on options and on the node. */
export interface Scope extends RuleOptions {
  /** Pod networks of the node. */
  podCIDRs: readonly string[];
  /** IP versions of these networks. */
  families: readonly Family[];
  /** True where ipvs can send packets on through the output hook. */
  ipvs?: boolean | undefined;
}

export const scopeOf = (podCIDRs: readonly string[], options: RuleOptions = {}, ipvs = false): Scope => ({
  ...options,
  podCIDRs,
  ipvs,
  families: families.filter((family) => podCIDRs.some((cidr) => familyOf(cidr) === family)),
});

/** A chain of the kernel. */
export interface ChainRules {
  name: string;
  hook?: ChainHook | undefined;
  rules: readonly (readonly Expression[])[];
}

/** Returns the rules of the kernel for one compiled rule, and the sets that they look up. */
export function kernelRules(
  { peer, service, verdict }: Rule,
  letter: string,
  scope: Scope,
): { rules: Expression[][]; sets: string[] } {
  const end =
    verdict === 'accept'
      ? expr.accept()
      : verdict === 'drop'
        ? deny(scope)
        : expr.jump(chainName(letter, verdict.jump));
  const inRange = peer !== undefined && 'family' in peer;
  const looksUp = (peer !== undefined && !inRange) || service?.namedPort !== undefined;
  if (!inRange && !looksUp) {
    return { rules: [[...serviceMatch(service, letter, undefined), ...end]], sets: [] };
  }
  const own = inRange ? scope.families.filter((family) => family === peer.family) : scope.families;
  const sets = own.flatMap((family) => [
    ...(peer !== undefined && 'selection' in peer ? [selectionSet(letter, peer.selection, family)] : []),
    ...(service?.namedPort === undefined ? [] : [portSet(letter, service.namedPort, family)]),
  ]);
  const rules = own.map((family) =>
    withoutRepeatedVersion(
      [...peerMatch(peer, letter, family), ...serviceMatch(service, letter, family), ...end],
      family,
    ),
  );
  return { rules, sets };
}

const KEYWORDS = { ipv4: 'ip', ipv6: 'ip6' } as const;

function peerMatch(peer: PeerMatch | undefined, letter: string, family: Family): Expression[] {
  if (peer === undefined) {
    return [];
  }
  const isSource = peer.end === 'source';
  if ('selection' in peer) {
    const field = `${KEYWORDS[family]} ${isSource ? 'saddr' : 'daddr'}` as const;
    return expr.lookup([field], selectionSet(letter, peer.selection, family));
  }
  const { from, to } = peer;
  if (from === to) {
    return isSource ? expr.source(from) : expr.destination(from);
  }
  return isSource ? expr.sourceRange(from, to) : expr.destinationRange(from, to);
}

function serviceMatch(
  service: ServiceMatch | undefined,
  letter: string,
  family: Family | undefined,
): Expression[] {
  if (service === undefined) {
    return [];
  }
  const { range, namedPort } = service;
  const protocol = expr.protocol(service.protocol.toLowerCase() as Lowercase<ServiceMatch['protocol']>);
  if (namedPort !== undefined && family !== undefined) {
    const key = [`${KEYWORDS[family]} daddr`, 'th dport'] as const;
    return [...protocol, ...expr.lookup(key, portSet(letter, namedPort, family))];
  }
  if (range === undefined) {
    return protocol;
  }
  const [from, to] = range;
  return [...protocol, ...(from === to ? expr.destinationPort(from) : expr.destinationPortRange(from, to))];
}

/** Two look-ups in one rule check the IP version twice: drops the second check. */
function withoutRepeatedVersion(expressions: Expression[], family: Family): Expression[] {
  const checks = expr.ipVersion(family);
  const first = expressions.indexOf(checks[0]!);
  return expressions.filter((expression, i) => i <= first + 1 || !checks.includes(expression));
}

/** Chain that reports a packet and drops it. */
const DENIED = 'denied';
/** Chain that ends a marked connection. */
const ENDED = 'ended';
/** IPv6 header, some extension headers, and the ports. */
const SNAPLEN = 128;

/** Returns the end of a rule that denies a packet. */
const deny = ({ log }: Scope): Expression[] => (log === undefined ? expr.drop() : expr.goTo(DENIED));

/** Chain for packets of pods that may send from other source addresses. */
const FOREIGN = 'foreign';
/** `meta iifgroup` of such pods: the upper byte of the group. */
const FROM_FOREIGN = expr.inputGroup(FOREIGN_SOURCE_GROUPS, 0xff00_0000);
/**
 * Their other addresses are in no map, so the host end decides. A host end that is in no map either belongs to a pod
 * whose namespace has been removed from the list.
 */
const foreignRules = (scope: Scope): Expression[][] => [expr.verdictMap(['iifname'], LINK_MAP), deny(scope)];

/**
 * Returns the chain that judges packets from other addresses before ipvs takes those to Services: at the output hook they
 * have no input link. It sees the address of the Service.
 */
const foreignToServices = (scope: Scope): ChainRules => ({
  name: 'ipvs-foreign',
  hook: { type: 'filter', hook: 'input', priority: BEFORE_IPVS },
  rules: [
    [...expr.connectionState(['established', 'related']), ...expr.accept()],
    [...expr.icmpv6Type(...DISCOVERY), ...expr.accept()],
    ...scope.podCIDRs.map((cidr) => [...expr.source(cidr), ...expr.accept()]),
    [...FROM_FOREIGN, ...expr.goTo(FOREIGN)],
  ],
});

/** Returns the rules of the chain that reports denied packets. */
const denialRules = ({ group, rate }: DenialLog): Expression[][] => [
  [...expr.limit({ rate, burst: rate }), ...expr.log({ group, snaplen: SNAPLEN })],
  expr.drop(),
];

/** A reset informs the sender, which would else try for minutes. */
const endRules: readonly (readonly Expression[])[] = [
  [...expr.protocol('tcp'), ...expr.reject('tcp-reset')],
  expr.drop(),
];

/**
 * Input hook behind that of ipvs, at 99: ipvs takes packets to Services there, and sends them on through the output hook.
 * Chains there see the address of the pod.
 */
const [BEFORE_IPVS, BEHIND_IPVS] = [98, 101];

/**
 * Returns the chains that every table has. Two base chains at the forward hook, because `accept` ends only its own one.
 * Packets of the node itself to its pods pass neither.
 */
export function baseChains(scope: Scope): ChainRules[] {
  return [
    ...(scope.log === undefined ? [] : [{ name: DENIED, rules: denialRules(scope.log) }]),
    ...(scope.cutMark === undefined ? [] : [{ name: ENDED, rules: endRules }]),
    { name: FOREIGN, rules: foreignRules(scope) },
    baseChain('egress', { type: 'filter', hook: 'forward', priority: 0 }, 'egress', scope),
    baseChain('ingress', { type: 'filter', hook: 'forward', priority: 1 }, 'ingress', scope),
    baseChain('to-node', { type: 'filter', hook: 'input', priority: BEHIND_IPVS }, 'egress', scope),
    ...(scope.ipvs
      ? [
          baseChain('ipvs-egress', { type: 'filter', hook: 'output', priority: 0 }, 'egress', scope),
          baseChain('ipvs-ingress', { type: 'filter', hook: 'output', priority: 1 }, 'ingress', scope),
          foreignToServices(scope),
        ]
      : []),
  ];
}

/** The first and the last ICMPv6 type of router and neighbour discovery and of redirects. */
const DISCOVERY = [133, 137] as const;

/** Packets that a hook sees of the node itself. */
const OWN_PACKETS: Readonly<Partial<Record<ChainHook['hook'], readonly Expression[]>>> = {
  // The node reaches its own addresses through lo, that of the bridge in the pod network too.
  input: expr.inputInterface('lo'),
  output: expr.fromLocal(),
};

function baseChain(name: string, hook: ChainHook, direction: Direction, scope: Scope): ChainRules {
  const isEgress = direction === 'egress';
  const own = OWN_PACKETS[hook.hook];
  return {
    name,
    hook,
    rules: [
      // First what most packets are.
      ...(scope.cutMark === undefined
        ? []
        : [[...expr.hasConnectionMarkBits(scope.cutMark), ...expr.goTo(ENDED)]]),
      [...expr.connectionState(['established', 'related']), ...expr.accept()],
      [...expr.icmpv6Type(...DISCOVERY), ...expr.accept()],
      ...(own === undefined ? [] : [[...own, ...expr.accept()]]),
      ...scope.families.map((family) =>
        expr.verdictMap([`${KEYWORDS[family]} ${isEgress ? 'saddr' : 'daddr'}`], podMap(direction, family)),
      ),
      ...scope.podCIDRs.map((cidr) => [
        ...(isEgress ? expr.source(cidr) : expr.destination(cidr)),
        ...deny(scope),
      ]),
      ...(isEgress ? [[...FROM_FOREIGN, ...expr.goTo(FOREIGN)]] : []),
    ],
  };
}
