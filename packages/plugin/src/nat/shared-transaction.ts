/** Rules of features that share one nftables transaction with those of the attachment itself. */
import type { Env, IpConfig } from '@cnikit/cni-spec';
import type { NftConnection } from '@cnikit/netlink/nftables';
import type { Sys } from '@cnikit/sys';
import { type LegacyRemoval, removeLegacyNatChains } from './nat-chain.ts';
import { type Tables, tablesOf, whereNftables } from './nftables.ts';
import type { Owner } from './owner.ts';
import { type Change, commitTogether } from './transaction.ts';

/** A pod during ADD, before it can send. */
export interface PodEndpoint {
  ips: readonly IpConfig[];
  /** The node's link to the pod; absent when only the routing table knows it. */
  link?: string | undefined;
}

/** A feature's part of the transaction of ADD. */
export interface TransactionPart {
  change(pod: PodEndpoint): Change;
  /** Runs after the transaction was committed. */
  made(nft: NftConnection, pod: PodEndpoint): void;
}

/** A feature's part of the transaction of DEL. */
export interface RemovalPart extends LegacyRemoval {
  /** Returns the changes of the tables that exist; not called when there is no table. */
  changes(nft: NftConnection, tables: Tables): readonly Change[];
  /** Runs after the transaction was committed; without a connection when the kernel has no nftables. */
  gone?(nft?: NftConnection): void;
}

/** Removes the rules of all parts with one nftables transaction, and their chains in legacy iptables. */
export function removeRules(
  sys: Sys,
  env: Env,
  { network, containerID }: Omit<Owner, 'ifName'>,
  removals: readonly RemovalPart[],
): void {
  const finish = (nft?: NftConnection) => {
    removeLegacyNatChains(sys, env, removals, network, containerID);
    for (const { gone } of removals) {
      gone?.(nft);
    }
    return true;
  };
  const isDone = whereNftables(sys, (nft) => {
    const tables = tablesOf(nft);
    const changes: Change[] = [];
    for (const removal of tables.size > 0 ? removals : []) {
      changes.push(...removal.changes(nft, tables));
    }
    commitTogether(nft, changes);
    return finish(nft);
  });
  if (!isDone) {
    finish();
  }
}
