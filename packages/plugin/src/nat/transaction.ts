/** nftables transactions with several parts. The kernel commits a transaction completely or not at all. */
import type { NetlinkError, Request } from '@cnikit/netlink';
import type { ChainRef, NftConnection } from '@cnikit/netlink/nftables';
import { isRace } from './nftables.ts';

const ATTEMPTS = 100;
const NO_USES: readonly (number | undefined)[] = [];

/** One part of a transaction. */
export interface Change {
  /** Chains that `requests` needs to know the use of. Those of all changes are looked up at once. */
  chains?: readonly ChainRef[];
  /**
   * Returns the requests for the present state.
   *
   * @param attempt above 1 after a race with another process
   * @param uses the result of `chainUse()` for each of `chains`
   */
  requests(nft: NftConnection, attempt: number, uses: readonly (number | undefined)[]): readonly Request[];
  /** Receives the requests that the kernel refused. It may throw an error with the reason to prevent another attempt. */
  refused?(nft: NftConnection, requests: readonly Request[]): void;
  /** Runs after the commit. When it returns true, `requests` is called again for another transaction. */
  more?(nft: NftConnection): boolean;
}

function requestsOf(nft: NftConnection, changes: readonly Change[], attempt: number): (readonly Request[])[] {
  const chains: ChainRef[] = [];
  for (const change of changes) {
    if (change.chains !== undefined) {
      chains.push(...change.chains);
    }
  }
  const uses = chains.length === 0 ? NO_USES : nft.chainUses(chains);
  let from = 0;
  return changes.map((change) => {
    const start = from;
    from += change.chains?.length ?? 0;
    return change.requests(nft, attempt, uses.slice(start, from));
  });
}

/** Commits the changes in one transaction, and repeats it after races with other processes. */
export function commitTogether(nft: NftConnection, changes: readonly Change[]): void {
  let open = changes;
  for (let attempt = 1; open.length > 0; attempt++) {
    const parts = requestsOf(nft, open, attempt);
    try {
      nft.commit(parts.flat());
    } catch (error) {
      if (attempt === ATTEMPTS || !isRace(error)) {
        throw error;
      }
      const refused = (error as NetlinkError).failures.map(({ request }) => request);
      open.forEach((change, i) => {
        change.refused?.(
          nft,
          (parts[i] ?? []).filter((request) => refused.includes(request)),
        );
      });
      continue;
    }
    open = open.filter((change) => change.more?.(nft));
  }
}
