/** Rules of features that share one nftables transaction with those of the attachment itself. */
import type { Env, IpConfig } from '@cnikit/cni-spec';
import type { NftConnection } from '@cnikit/netlink/nftables';
import type { Sys } from '@cnikit/sys';
import { type BeforeChainRemoval, type NatChainKind, removeLegacyNatChains } from './nat-chain.ts';
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
export interface RemovalPart {
  /** Kind of the attachment's iptables chains, which are removed too. */
  chains?: NatChainKind;
  /** Receives the chains in legacy iptables before they are removed. */
  before?: BeforeChainRemoval | undefined;
  changes(nft: NftConnection, tables: Tables): Change[];
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
    const kinds = removals.flatMap(({ chains = [] }) => chains);
    removeLegacyNatChains(sys, env, kinds, network, containerID, (...chain) => {
      for (const { before } of removals) {
        before?.(...chain);
      }
    });
    for (const { gone } of removals) {
      gone?.(nft);
    }
    return true;
  };
  const isDone = whereNftables(sys, (nft) => {
    const tables = tablesOf(nft);
    commitTogether(
      nft,
      removals.flatMap(({ changes }) => changes(nft, tables)),
    );
    return finish(nft);
  });
  if (!isDone) {
    finish();
  }
}
