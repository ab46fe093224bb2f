/**
 * The guard against foreign source addresses. It drops packets whose source address the node does not route to the host
 * end that they come from, in both families. One table serves all pods, so an ADD only looks whether it exists:
 *
 *     table inet cnikit_guard {
 *       chain prerouting {
 *         type filter hook prerouting priority raw; policy accept;
 *         meta iifgroup & 0xff000000 == 0x63000000 meta nfproto ipv4 fib saddr . iif oif missing drop
 *         meta iifgroup & 0xff000000 == 0x63000000 ip6 saddr != :: fib saddr . iif oif missing drop
 *       }
 *       chain foreign {
 *         type filter hook prerouting priority raw; policy accept;
 *         meta iifgroup & 0xff000000 == 0x65000000 fib saddr type local drop
 *         meta iifgroup & 0xff000000 == 0x65000000 fib saddr . iif oif missing fib saddr oifname "veth*" drop
 *       }
 *     }
 *
 * Duplicate address detection and multicast reports have the source address `::`, which the node forwards nowhere.
 *
 * The chain `foreign` exists once a pod may send other source addresses. Such a pod cannot take the addresses of the
 * node, which NetworkPolicies let pass, nor those of other routed pods of the node.
 */
import {
  delRule,
  type Expression,
  type NftConnection,
  newChain,
  newRule,
  newTable,
} from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import type { Sys } from '@cnikit/sys';
import { FOREIGN_SOURCE_GROUPS, POD_GROUPS, POD_GROUPS_SIZE } from '../../links/pod-groups.ts';
import { isRace, whereNftables } from '../../nat/nftables.ts';
import { mayUseForeignSources } from './foreign-sources.ts';

const GUARD = { family: 'inet', name: 'cnikit_guard' } as const;
const IN_GUARD = { family: GUARD.family, table: GUARD.name } as const;
/** NF_IP_PRI_RAW (linux/netfilter_ipv4.h): before connection tracking. */
const RAW = -300;

/** A chain of the guard, for the host ends of one block of link groups. */
interface GuardChain {
  name: string;
  groups: number;
  /** Number of rules. */
  size: number;
  /** Matches of each rule, behind that of the link group. */
  rules(): Expression[][];
}

const OWN: GuardChain = {
  name: 'prerouting',
  groups: POD_GROUPS,
  size: 2,
  rules: () => [
    [...expr.ipVersion('ipv4'), ...expr.sourceUnroutable()],
    [...expr.source('::/128', { not: true }), ...expr.sourceUnroutable()],
  ],
};
const FOREIGN: GuardChain = {
  name: 'foreign',
  groups: FOREIGN_SOURCE_GROUPS,
  size: 2,
  rules: () => [expr.fromLocal(), [...expr.sourceUnroutable(), ...expr.sourceRoutedTo('veth*')]],
};

/** A host end. */
type HostEnd = Parameters<typeof mayUseForeignSources>[0];

const chainFor = (end: HostEnd): GuardChain => (mayUseForeignSources(end) ? FOREIGN : OWN);

/**
 * Creates the chain for a host end unless it exists. Kernels without nftables have no guard for IPv6; for IPv4 the host
 * end's `rp_filter` is strict.
 */
export function ensureSourceGuard(sys: Sys, end: HostEnd): void {
  const chain = chainFor(end);
  whereNftables(sys, (nft) => {
    if (isComplete(nft, chain)) {
      return;
    }
    const { name, groups } = chain;
    const fromPod = expr.inputGroup(groups, ~(POD_GROUPS_SIZE - 1) >>> 0);
    try {
      nft.commit([
        newTable({ ...GUARD, comment: 'cnikit' }),
        newChain({ ...IN_GUARD, name, hook: { type: 'filter', hook: 'prerouting', priority: RAW } }),
        delRule({ ...IN_GUARD, chain: name }),
        ...chain
          .rules()
          .map((match) =>
            newRule({ ...IN_GUARD, chain: name, expressions: [...fromPod, ...match, ...expr.drop()] }),
          ),
      ]);
    } catch (error) {
      // Another process has created it, with its rules.
      if (!isRace(error)) {
        throw error;
      }
    }
  });
}

/** Returns what is missing for a host end, for CHECK. */
export function sourceGuardDifferences(sys: Sys, end: HostEnd): string[] {
  const chain = chainFor(end);
  const complete = whereNftables(sys, (nft) => isComplete(nft, chain));
  if (complete !== false) {
    return [];
  }
  const { family, name } = GUARD;
  return [
    chain === OWN
      ? `table ${family} ${name} is missing, or its rules are`
      : `chain ${chain.name} of table ${family} ${name} is missing, or its rules are`,
  ];
}

/** Returns false also when another program has flushed the table. */
function isComplete(nft: NftConnection, { name, size }: GuardChain): boolean {
  return (nft.chainUse({ ...IN_GUARD, name }) ?? 0) >= size;
}
