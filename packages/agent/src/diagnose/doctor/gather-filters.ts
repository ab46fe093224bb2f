import { openNftables } from '@cnikit/netlink/nftables';
import { strictFilters } from '../../observe/reverse-path.ts';

/** Returns the chains that drop IPv6 packets by their reverse path; none without nftables or without permission. */
export function gatherStrictFilters(): string[] {
  try {
    using nft = openNftables();
    return strictFilters(nft);
  } catch {
    return [];
  }
}
