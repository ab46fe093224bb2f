/** Finds filters in nftables that drop packets by their reverse path, as firewalld's IPv6_rpfilter. */
import { type Expression, NF_DROP, type NftConnection } from '@cnikit/netlink/nftables';

const PREROUTING_HOOK = 0;
/** NFTA_FIB_F_SADDR and NFTA_FIB_F_IIF of include/uapi/linux/netfilter/nf_tables.h. */
const SADDR = 1;
const IIF = 8;

/**
 * Returns the chains that drop IPv6 packets from another link than the one to their source. A filter that asks only for
 * a route to the source, by any link, is not among them.
 */
export function strictFilters(nft: Pick<NftConnection, 'chains' | 'rules'>): string[] {
  return nft.chains().flatMap(({ family, table = '', name: chain = '', hook }) => {
    const sees = hook?.hook === PREROUTING_HOOK && (family === 'ip6' || family === 'inet');
    return sees && nft.rules({ family, table, chain }).some(({ expressions }) => isStrict(expressions))
      ? [`${family} ${table} ${chain}`]
      : [];
  });
}

function isStrict(expressions: readonly Expression[]): boolean {
  const wanted = SADDR | IIF;
  const asks = expressions.some((one) => one.name === 'fib' && ((one.flags ?? 0) & wanted) === wanted);
  return asks && expressions.some((one) => one.name === 'immediate' && one.verdict?.code === NF_DROP);
}
