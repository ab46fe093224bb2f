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
 *     }
 *
 * Duplicate address detection and multicast reports have the source address `::`, which the node forwards nowhere.
 */
import { delRule, type NftConnection, newChain, newRule, newTable } from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import type { Sys } from '@cnikit/sys';
import { POD_GROUPS, POD_GROUPS_SIZE } from '../../links/pod-groups.ts';
import { isRace, whereNftables } from '../../nat/nftables.ts';

const GUARD = { family: 'inet', name: 'cnikit_guard' } as const;
const IN_GUARD = { family: GUARD.family, table: GUARD.name } as const;
const CHAIN = 'prerouting';
/** Number of rules in the chain. */
const RULES = 2;
/** NF_IP_PRI_RAW (linux/netfilter_ipv4.h): before connection tracking. */
const RAW = -300;

/**
 * Creates the table unless it exists. Kernels without nftables have no guard for IPv6; for IPv4 the host end's
 * `rp_filter` is strict.
 */
export function ensureSourceGuard(sys: Sys): void {
  whereNftables(sys, (nft) => {
    if (isComplete(nft)) {
      return;
    }
    const fromPod = expr.inputGroup(POD_GROUPS, ~(POD_GROUPS_SIZE - 1) >>> 0);
    const rule = (...expressions: Parameters<typeof newRule>[0]['expressions'][]) =>
      newRule({ ...IN_GUARD, chain: CHAIN, expressions: [...fromPod, ...expressions.flat()] });
    try {
      nft.commit([
        newTable({ ...GUARD, comment: 'cnikit' }),
        newChain({ ...IN_GUARD, name: CHAIN, hook: { type: 'filter', hook: 'prerouting', priority: RAW } }),
        delRule({ ...IN_GUARD, chain: CHAIN }),
        rule([...expr.ipVersion('ipv4'), ...expr.sourceUnroutable(), ...expr.drop()]),
        rule([...expr.source('::/128', { not: true }), ...expr.sourceUnroutable(), ...expr.drop()]),
      ]);
    } catch (error) {
      // Another process has created it, with its rules.
      if (!isRace(error)) {
        throw error;
      }
    }
  });
}

/** Returns what is missing, for CHECK. */
export function sourceGuardDifferences(sys: Sys): string[] {
  const complete = whereNftables(sys, isComplete);
  return complete === false ? [`table ${GUARD.family} ${GUARD.name} is missing, or its rules are`] : [];
}

/** Returns false also when another program has flushed the table. */
function isComplete(nft: NftConnection): boolean {
  return (nft.chain({ ...IN_GUARD, name: CHAIN })?.use ?? 0) >= RULES;
}
