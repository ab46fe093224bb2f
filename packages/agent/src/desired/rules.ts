/** Expresses the packet filter as rules of iptables. Pure. */

import type { Family } from '@cnikit/ip';
import type { Rule, RuleSpec, TableSpec } from '@cnikit/iptables';
import { FORWARD_CHAIN, MASQUERADE_CHAIN, POSTROUTING_CHAIN } from '../core/names.ts';
import { type Inside, multicast, type PacketFilter } from './packet-filter.ts';

/** No rules of ours in any table, for a family without pods and for `cleanup`. */
export const noRules: readonly TableSpec[] = [
  { table: 'filter', chains: {} },
  { table: 'nat', chains: {} },
];

/**
 * Returns whether a kernel of this release (`uname -r`) supports `--random-fully`: since Linux 3.13. iptables
 * supports it since 1.6.2, the oldest version in use.
 */
export function hasRandomPorts(release: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 13);
}

/** Returns the rules of a family's packet filter. `inside` has the destinations that are not masqueraded. */
export function iptablesRules(
  filter: PacketFilter | undefined,
  inside: () => Inside,
  randomPorts = true,
): readonly TableSpec[] {
  if (filter === undefined) {
    return noRules;
  }
  const { family, podCIDRs, masquerade } = filter;
  const forward = forwardTable(podCIDRs.flatMap(forwarded), { comment: 'cnikit: pod traffic' });
  if (masquerade === undefined) {
    return [forward, { table: 'nat', chains: {} }];
  }
  const ways = masquerade.outInterfaces?.map((outInterface) => ({ outInterface })) ?? [{}];
  const nat: TableSpec = {
    table: 'nat',
    chains: {
      [POSTROUTING_CHAIN]: podCIDRs.flatMap((source) =>
        ways.map((way) => ({
          source,
          ...way,
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
  return [forward, nat];
}

/**
 * Returns the rules of iptables beside the nftables table: they accept forwarded packets before a default drops them.
 * They have no comments, since kernels without xt_comment have tables of iptables-nft too.
 */
export function acceptRules(filter: PacketFilter | undefined): readonly TableSpec[] {
  if (filter === undefined) {
    return noRules;
  }
  const rules = filter.podCIDRs.flatMap((cidr) => [
    { source: cidr, jump: 'ACCEPT' },
    { destination: cidr, jump: 'ACCEPT' },
  ]);
  return [forwardTable(rules), { table: 'nat', chains: {} }];
}

/** Returns the rules for forwarded packets, with a jump that `rule` matches. */
function forwardTable(rules: RuleSpec[], rule: Rule = {}): TableSpec {
  return {
    table: 'filter',
    chains: { [FORWARD_CHAIN]: rules },
    // Behind the decisions of kube-proxy and policy engines, before the default of a firewall.
    jumps: [{ from: 'FORWARD', to: FORWARD_CHAIN, at: 'before-default', rule }],
  };
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
