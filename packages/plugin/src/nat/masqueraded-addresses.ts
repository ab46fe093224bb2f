import { formatAddress } from '@cnikit/ip';
import type { NftConnection } from '@cnikit/netlink/nftables';
import { FAMILY, inTable, MAPS, TABLE_PREFIX } from './masquerade-nftables.ts';
import { elementsOf } from './nftables.ts';

/** An address in cnikit's tables. */
export interface MasqueradedAddress {
  /** Has the prefix length of its subnet. */
  address: string;
  comment: string | undefined;
}

/** Lists the addresses of all networks. */
export function masqueradedAddresses(nft: NftConnection): MasqueradedAddress[] {
  const tables = nft
    .tables()
    .filter(({ family, name }) => family === FAMILY && name?.startsWith(TABLE_PREFIX));
  const maps = tables.flatMap(({ name = '' }) => MAPS.map((map) => ({ ...inTable(name), name: map })));
  return maps
    .flatMap((map) => elementsOf(nft, map))
    .map(({ key, verdict, comment }) => {
      const length = verdict?.chain?.slice(verdict.chain.lastIndexOf('/') + 1);
      return { address: `${formatAddress(key)}/${length}`, comment };
    });
}
