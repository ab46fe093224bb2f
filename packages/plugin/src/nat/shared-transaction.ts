/** Rules of a feature that come and go with those of the attachment itself, in one transaction of nftables. */
import type { Env, IpConfig } from '@cnikit/cni-spec';
import type { NftConnection } from '@cnikit/netlink/nftables';
import type { Sys } from '@cnikit/sys';
import { type NatChainKind, removeLegacyNatChains } from './nat-chain.ts';
import { type Tables, tablesOf, whereNftables } from './nftables.ts';
import type { Owner } from './owner.ts';
import { type Change, commitTogether } from './transaction.ts';

/** A pod that is being attached, before it can send. */
export interface PodEndpoint {
  ips: readonly IpConfig[];
  /** The link by which the node reaches it; absent where only its routes know. */
  link?: string | undefined;
}

/** What ADD makes. */
export interface TransactionPart {
  change(pod: PodEndpoint): Change;
  /** What follows once the rules are there. */
  made(nft: NftConnection, pod: PodEndpoint): void;
}

/** What DEL removes. */
export interface RemovalPart {
  /** The chains of iptables that may be the attachment's, to be removed too. */
  chains: NatChainKind;
  changes(nft: NftConnection, tables: Tables): Change[];
  /** What follows once the rules are gone; without a connection where there can be none. */
  gone?(nft?: NftConnection): void;
}

/** Removes the rules of all in one transaction of nftables, and what there may be of theirs in iptables' older interface. */
export function removeRules(
  sys: Sys,
  env: Env,
  { network, containerID }: Omit<Owner, 'ifName'>,
  removals: readonly RemovalPart[],
): void {
  const finish = (nft?: NftConnection) => {
    const kinds = removals.map(({ chains }) => chains);
    removeLegacyNatChains(sys, env, kinds, network, containerID);
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
