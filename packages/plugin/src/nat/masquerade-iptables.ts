/** Masquerading in iptables: upstream's chain for a pod, with the same name, rules and comments. */

import type { Env } from '@cnikit/cni-spec';
import { type Family, families } from '@cnikit/ip';
import type { Sys } from '@cnikit/sys';
import { hostLength, isIPv6, subnetOf, withoutLength } from '../lib/prefix.ts';
import { restoreNat } from './iptables.ts';
import { findNatChain, MASQUERADE_CHAINS, natChainName, natComment, quoted } from './nat-chain.ts';
import type { Owner } from './owner.ts';

const MULTICAST = { ipv4: '224.0.0.0/4', ipv6: 'ff00::/8' } as const;

/** Masquerades packets from the addresses to destinations outside of their subnets. The addresses have prefix lengths. */
export function masqueradeByIptables(sys: Sys, env: Env, owner: Owner, addresses: readonly string[]): void {
  const { network, containerID } = owner;
  const chain = natChainName(MASQUERADE_CHAINS, network, containerID);
  const comment = `-m comment --comment ${quoted(natComment(MASQUERADE_CHAINS, network, containerID))}`;
  for (const family of families) {
    const own = ofFamily(addresses, family);
    if (own.length === 0) {
      continue;
    }
    restoreNat(sys, env, family, [
      // Creates the chain, or empties the one that a killed ADD left.
      `:${chain} - [0:0]`,
      ...own.map((address) => `-A ${chain} -d ${subnetOf(address)} ${comment} -j ACCEPT`),
      `-A ${chain} ! -d ${MULTICAST[family]} ${comment} -j MASQUERADE`,
      ...own.map(
        (address) =>
          `-A POSTROUTING -s ${withoutLength(address)}/${hostLength(address)} ${comment} -j ${chain}`,
      ),
    ]);
  }
}

/** Lists what an attachment's masquerading lacks. */
export function iptablesMasqueradeDifferences(
  sys: Sys,
  env: Env,
  { network, containerID }: Owner,
  addresses: readonly string[],
): string[] {
  const chain = natChainName(MASQUERADE_CHAINS, network, containerID);
  return families.flatMap((family) => {
    const own = ofFamily(addresses, family);
    if (own.length === 0) {
      return [];
    }
    const found = findNatChain(sys, env, family, MASQUERADE_CHAINS, chain);
    if (found === undefined) {
      return [`chain ${chain} is missing in the nat table of ${family}`];
    }
    return [
      ...(found.rules > own.length ? [] : [`rules are missing in chain ${chain} of ${family}`]),
      ...(found.jumps >= own.length ? [] : [`POSTROUTING of ${family} does not lead to chain ${chain}`]),
    ];
  });
}

function ofFamily(addresses: readonly string[], family: Family): string[] {
  return addresses.filter((address) => isIPv6(address) === (family === 'ipv6'));
}
