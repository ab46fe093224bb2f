/** Transactions of nftables that several have a part in. The kernel does one whole or not at all. */
import type { NetlinkError, Request } from '@cnikit/netlink';
import type { NftConnection } from '@cnikit/netlink/nftables';
import { isRace } from './nftables.ts';

const ATTEMPTS = 100;

/** What one of them wants changed. */
export interface Change {
  /** The requests for it, by what is there now. `attempt` is 1 unless somebody else changed the same meanwhile. */
  requests(nft: NftConnection, attempt: number): readonly Request[];
  /** Hears which of them the kernel refused, and may throw an error with the reason instead of another attempt. */
  refused?(nft: NftConnection, requests: readonly Request[]): void;
  /** Is called when all is done, and says whether there is more to do: then it is asked for requests again. */
  more?(nft: NftConnection): boolean;
}

/** Does the changes in one transaction, again while other processes come in between, and what they have to do after it. */
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
