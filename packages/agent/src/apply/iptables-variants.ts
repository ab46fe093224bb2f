/** Finds the variants of iptables, nft and legacy, that may hold rules, without running a program. */
import { readFileSync } from 'node:fs';
import type { Family } from '@cnikit/ip';
import type { NftConnection } from '@cnikit/netlink/nftables';
import { OWN_CHAINS } from '../core/names.ts';

const legacyTables = { ipv4: '/proc/net/ip_tables_names', ipv6: '/proc/net/ip6_tables_names' } as const;

/** Returns whether legacy iptables has one of the tables that the agent uses. */
export function hasLegacyTables(family: Family, tables: readonly string[] = ['filter', 'nat']): boolean {
  try {
    const names = readFileSync(legacyTables[family], 'utf8').split('\n');
    return tables.some((table) => names.includes(table));
  } catch {
    // A kernel without legacy iptables.
    return false;
  }
}

/** Returns the variants that may hold chains of the agent. `nft` is undefined on a kernel without nftables. */
export function variantsInUse(
  nft: Pick<NftConnection, 'chain'> | undefined,
  family: Family,
): Array<'nft' | 'legacy'> {
  const inNft = Object.entries(OWN_CHAINS).some(([table, chains]) =>
    chains.some(
      (name) => nft?.chain({ family: family === 'ipv4' ? 'ip' : 'ip6', table, name }) !== undefined,
    ),
  );
  return [...(inNft ? (['nft'] as const) : []), ...(hasLegacyTables(family) ? (['legacy'] as const) : [])];
}
