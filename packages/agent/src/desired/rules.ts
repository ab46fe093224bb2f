/** The packet filter rules of this node: pods are forwarded, and masqueraded only on their way out of the cluster. Pure. */

import { aggregate, contains, type Family, familyOf, formatPrefix, parseNetwork } from '@cnikit/ip';
import type { Rule, RuleSpec, TableSpec } from '@cnikit/iptables';
import type { HostFacts, NodeInfo } from '../core/model.ts';
import { CHAIN_PREFIX, MASQUERADE_CHAIN } from '../core/names.ts';

const FORWARD_CHAIN = `${CHAIN_PREFIX}FORWARD`;
const POSTROUTING_CHAIN = `${CHAIN_PREFIX}POSTROUTING`;

/** No rule of ours in any table, for one family: what a family without pods gets, and `cleanup`. */
export const noRules: readonly TableSpec[] = [
  { table: 'filter', chains: {} },
  { table: 'nat', chains: {} },
];

const multicast = { ipv4: '224.0.0.0/4', ipv6: 'ff00::/8' } as const;

/**
 * Whether a kernel of this release (`uname -r`) masquerades by `--random-fully`: since Linux 3.13. iptables knows the word
 * since 1.6.2, which is the oldest that is used.
 */
export function hasRandomPorts(release: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 13);
}

/** What tells the destinations that see a pod's own address: a set that somebody else fills, or prefixes. */
export type Inside = { set: string } | { prefixes: readonly string[] };

/**
 * The rules of one family. None when this node has no pods of the family; no masquerading while no outside interface is
 * known.
 */
export function desiredRules(
  family: Family,
  own: NodeInfo,
  facts: HostFacts,
  inside: () => Inside,
  randomPorts = true,
): readonly TableSpec[] {
  const local = own.podCIDRs.filter((cidr) => familyOf(cidr) === family);
  if (local.length === 0) {
    return noRules;
  }
  const ways = facts.egressInterfaces[family];
  const filter: TableSpec = {
    table: 'filter',
    chains: { [FORWARD_CHAIN]: local.flatMap(forwarded) },
    // First, as a rule of others that rejects would otherwise be reached before it.
    jumps: [{ from: 'FORWARD', to: FORWARD_CHAIN, at: 'first', rule: { comment: 'cnikit: pod traffic' } }],
  };
  if (ways.length === 0) {
    return [filter, { table: 'nat', chains: {} }];
  }
  const nat: TableSpec = {
    table: 'nat',
    chains: {
      [POSTROUTING_CHAIN]: local.flatMap((source) =>
        ways.map((outInterface) => ({
          source,
          outInterface,
          comment: 'cnikit: pods of this node on their way out',
          jump: MASQUERADE_CHAIN,
        })),
      ),
      [MASQUERADE_CHAIN]: [
        ...destinations(inside(), family).map((destination) => ({
          ...destination,
          comment: 'cnikit: keeps the address of the pod',
          jump: 'RETURN',
        })),
        // Ports at random: two pods that choose the same one at once do not collide.
        {
          comment: 'cnikit: leaves the cluster',
          jump: 'MASQUERADE',
          ...(randomPorts && { targetOptions: ['--random-fully'] }),
        },
      ],
    },
    jumps: [
      { from: 'POSTROUTING', to: POSTROUTING_CHAIN, at: 'last', rule: { comment: 'cnikit: masquerade' } },
    ],
  };
  return [filter, nat];
}

function forwarded(cidr: string): RuleSpec[] {
  return [
    { source: cidr, comment: 'cnikit: from pods', jump: 'ACCEPT' },
    { destination: cidr, comment: 'cnikit: to pods', jump: 'ACCEPT' },
  ];
}

function destinations(inside: Inside, family: Family): Rule[] {
  const many = { destination: multicast[family] };
  if ('prefixes' in inside) {
    return [...inside.prefixes.map((destination) => ({ destination })), many];
  }
  return [{ matches: [{ module: 'set', options: ['--match-set', inside.set, 'dst'] }] }, many];
}

/**
 * The destinations of a family that are part of the cluster: every podCIDR, the InternalIPs of all nodes, and the
 * prefixes that the operator named, which stand for what is part of them. In canonical text, as what Nodes have is
 * already: of thousands nothing has to be taken apart.
 */
export function insidePrefixes(
  family: Family,
  nodes: Iterable<NodeInfo>,
  configured: readonly string[],
): string[] {
  const named = configured.filter((text) => familyOf(text) === family).map((text) => parseNetwork(text)!);
  const prefixes = named.map(formatPrefix);
  const whole = family === 'ipv4' ? '/32' : '/128';
  const add = (text: string): void => {
    if (familyOf(text) !== family) {
      return;
    }
    const prefix = text.includes('/') ? text : text + whole;
    if (named.length === 0 || !named.some((outer) => contains(outer, parseNetwork(prefix)!))) {
      prefixes.push(prefix);
    }
  };
  // Each kind for itself: nodes come in an order that both mostly follow, so that they are sorted soon.
  const all = [...nodes];
  for (const node of all) {
    node.podCIDRs.forEach(add);
  }
  for (const node of all) {
    node.internalIPs.forEach(add);
  }
  return prefixes;
}

/** As rules need them: the fewest prefixes that cover exactly the same. */
export const asRules = (prefixes: readonly string[]): Inside => ({
  prefixes: aggregate(prefixes.map((text) => parseNetwork(text)!)).map(formatPrefix),
});

/** Everything, in two halves: a set takes no /0 (hash:net in ipset(8)). */
const HALVES: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0/0': ['0.0.0.0/1', '128.0.0.0/1'],
  '::/0': ['::/1', '8000::/1'],
};

/** As a set needs them: each once. */
export const asElements = (prefixes: readonly string[]): string[] => [
  ...new Set(prefixes.flatMap((prefix) => HALVES[prefix] ?? prefix)),
];
