/** The agent's table of network policy. Its rules drop packets of pods that have no element in its maps. */
import { CniError, type Context } from '@cnikit/cni-spec';
import { parseAddress } from '@cnikit/ip';
import { delElements } from '@cnikit/netlink/nftables';
import { ignoreErrno, type Sys } from '@cnikit/sys';
import { openIpam } from '../../ipam/ipam.ts';
import type { NetworkSettings } from '../../ipam/pod-ipam.ts';
import { isIPv6, withoutLength } from '../../lib/prefix.ts';
import { tablesOf, whereNftables } from '../../nat/nftables.ts';
import { forgetFlows } from '../../nat/stale-flows.ts';

/** The agent's table, as @cnikit/agent names it. */
const TABLE = { family: 'inet', table: 'cnikit-policy' } as const;

/**
 * Checks that the table exists: without it a pod would be open until the agent has programmed its rules.
 *
 * @param code of the error
 * @throws {CniError} when the table is missing
 */
export function requirePolicyTable(sys: Sys, code: number): void {
  const { family, table: name } = TABLE;
  if (whereNftables(sys, (nft) => nft.table({ family, name })) === undefined) {
    throw new CniError(
      code,
      `Network policy is not enforced on this node yet: table ${family} ${name} is missing`,
      'The agent creates it once it has read all policies: check its log',
    );
  }
}

/**
 * Removes the addresses of DEL, or all that GC frees, and their tracked connections, when the agent does not answer. The
 * next pod with one of them would meet the policies of the earlier one and inherit its connections. Never throws, because DEL must free the addresses.
 */
export function closePods(sys: Sys, context: Context<NetworkSettings>): void {
  try {
    const addresses = endingAddresses(sys, context);
    whereNftables(sys, (nft) => {
      if (!tablesOf(nft).has(`${TABLE.family} ${TABLE.table}`)) {
        return;
      }
      for (const address of addresses) {
        for (const direction of ['egress', 'ingress']) {
          const name = `${direction}-${isIPv6(address) ? 'ipv6' : 'ipv4'}`;
          const elements = [{ key: parseAddress(address)! }];
          ignoreErrno('ENOENT', () => nft.commit([delElements({ ...TABLE, name }, elements)]));
        }
      }
      forgetFlows(sys, new Set(addresses), nft);
    });
  } catch (error) {
    try {
      sys.writeFdText(2, `Cannot remove pods from table ${TABLE.table}: ${(error as Error).message}\n`);
    } catch {
      // Standard error is closed.
    }
  }
}

function endingAddresses(sys: Sys, context: Context<NetworkSettings>): string[] {
  const ipam = openIpam(sys, context);
  return context.command === 'GC'
    ? (ipam?.stale?.() ?? []).map(({ address }) => address)
    : [
        ...(ipam?.reserved?.() ?? []),
        ...(context.prevResult?.ips ?? []).map(({ address }) => withoutLength(address)),
      ];
}
