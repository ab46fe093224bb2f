import { openNftables } from '@cnikit/netlink/nftables';
import { POD_GUARD_TABLE } from '../../core/names.ts';
import { strictFilters } from '../../observe/reverse-path.ts';

/**
 * Returns the chains of other programs that drop IPv6 packets by their reverse path; none without nftables or without
 * permission. Our guard judges packets from pods only.
 */
export function gatherStrictFilters(): string[] {
  try {
    using nft = openNftables();
    return strictFilters(nft).filter((chain) => chain.split(' ')[1] !== POD_GUARD_TABLE);
  } catch {
    return [];
  }
}
