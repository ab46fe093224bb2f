/** nftables transactions with several parts. The kernel commits a transaction completely or not at all. */
import type { NetlinkError, Request } from '@cnikit/netlink';
import type { NftConnection } from '@cnikit/netlink/nftables';
import { isRace } from './nftables.ts';

const ATTEMPTS = 100;

/** One part of a transaction. */
export interface Change {
  /** Returns the requests for the present state. `attempt` is above 1 after a race with another process. */
  requests(nft: NftConnection, attempt: number): readonly Request[];
  /** Receives the requests that the kernel refused. It may throw an error with the reason to prevent another attempt. */
  refused?(nft: NftConnection, requests: readonly Request[]): void;
  /** Runs after the commit. When it returns true, `requests` is called again for another transaction. */
  more?(nft: NftConnection): boolean;
}

/** Commits the changes in one transaction, and repeats it after races with other processes. */
export function commitTogether(nft: NftConnection, changes: readonly Change[]): void {
  let open = changes;
  for (let attempt = 1; open.length > 0; attempt++) {
    const parts = open.map((change) => change.requests(nft, attempt));
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
