/**
 * Decides the packet filter rules: pods are forwarded, and masqueraded only on their way out of the cluster.
 * Pure.
 */

import { aggregate, contains, type Family, familyOf, formatPrefix, parseNetwork } from '@cnikit/ip';
import type { Rule, RuleSpec, TableSpec } from '@cnikit/iptables';
import type { HostFacts, NodeInfo } from '../core/model.ts';
import { CHAIN_PREFIX, MASQUERADE_CHAIN } from '../core/names.ts';

const FORWARD_CHAIN = `${CHAIN_PREFIX}FORWARD`;
const POSTROUTING_CHAIN = `${CHAIN_PREFIX}POSTROUTING`;

/** No rules of ours in any table, for a family without pods and for `cleanup`. */
export const noRules: readonly TableSpec[] = [
  { table: 'filter', chains: {} },
  { table: 'nat', chains: {} },
];

const multicast = { ipv4: '224.0.0.0/4', ipv6: 'ff00::/8' } as const;

/**
 * Returns whether a kernel of this release (`uname -r`) supports `--random-fully`: since Linux 3.13. iptables
 * supports it since 1.6.2, the oldest version in use.
 */
export function hasRandomPorts(release: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 13);
}

/** The destinations to which pods keep their address: a set, or prefixes. */
export type Inside = { set: string } | { prefixes: readonly string[] };

/**
 * Returns the rules of a family: none if this node has no pods of that family, and no masquerading without an
 * egress interface.
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
    // Behind the decisions of kube-proxy and policy engines, before the default of a firewall.
    jumps: [
      {
        from: 'FORWARD',
        to: FORWARD_CHAIN,
        at: 'before-default',
        rule: { comment: 'cnikit: pod traffic' },
      },
    ],
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
        // Random ports: two pods that choose the same port at once do not collide.
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
 * Returns the prefixes of the cluster: podCIDRs, InternalIPs, and configured prefixes, which replace those
 * that they contain. Node prefixes are canonical text already: thousands of them are not parsed again.
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
  // One kind after the other: nodes arrive in an order that podCIDRs and addresses mostly follow, which makes
  // sorting fast.
  const all = [...nodes];
  for (const node of all) {
    node.podCIDRs.forEach(add);
  }
  for (const node of all) {
    node.internalIPs.forEach(add);
  }
  return prefixes;
}

/** Returns the fewest prefixes that cover exactly the same addresses. */
export const asRules = (prefixes: readonly string[]): Inside => ({
  prefixes: aggregate(prefixes.map((text) => parseNetwork(text)!)).map(formatPrefix),
});

/** All addresses in two halves: a set accepts no /0 (hash:net in ipset(8)). */
const HALVES: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0/0': ['0.0.0.0/1', '128.0.0.0/1'],
  '::/0': ['::/1', '8000::/1'],
};

/** Returns each prefix once, as elements of a set. */
export const asElements = (prefixes: readonly string[]): string[] => [
  ...new Set(prefixes.flatMap((prefix) => HALVES[prefix] ?? prefix)),
];
