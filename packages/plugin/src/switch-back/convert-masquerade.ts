import { masqueradeByIptables } from '../nat/masquerade-iptables.ts';
import { masqueradeRemoval } from '../nat/masquerade-removal.ts';
import { upstreamMasqueradeChange } from '../nat/masquerade-upstream.ts';
import { masqueradedAddresses } from '../nat/masqueraded-addresses.ts';
import { MASQUERADE_CHAINS } from '../nat/nat-chain.ts';
import { tablesOf } from '../nat/nftables.ts';
import type { Owner } from '../nat/owner.ts';
import { commitTogether } from '../nat/transaction.ts';
import { type Conversion, removeNatChains } from './conversion.ts';

/** Converts the masquerade rules of all networks. Returns the number of pods. */
export function convertMasquerade(conversion: Conversion): number {
  const { nft, backend, ownerOf } = conversion;
  const owners = new Map<string, { owner: Owner; addresses: string[] }>();
  for (const { address, comment } of masqueradedAddresses(nft)) {
    const owner = ownerOf(comment);
    if (comment === undefined || owner === undefined) {
      continue;
    }
    const known = owners.get(comment) ?? { owner, addresses: [] };
    known.addresses.push(address);
    owners.set(comment, known);
  }
  const all = [...owners.values()];
  // First the new rules, then without the old ones: connections that begin in between are masqueraded too.
  if (backend === 'nftables') {
    commitTogether(
      nft,
      all.map(({ owner, addresses }) => upstreamMasqueradeChange(owner, addresses)),
    );
  } else {
    for (const { owner, addresses } of perContainer(all)) {
      removeNatChains(conversion, MASQUERADE_CHAINS, owner);
      masqueradeByIptables(conversion.sys, conversion.env, owner, addresses);
    }
  }
  // One after the other: the last one removes the table.
  for (const { owner, addresses } of all) {
    commitTogether(nft, masqueradeRemoval(tablesOf(nft), owner, addresses));
  }
  return all.length;
}

/** Joins the interfaces of a container in one network, which share a chain of upstream. */
function perContainer(all: readonly { owner: Owner; addresses: readonly string[] }[]) {
  const containers = new Map<string, { owner: Owner; addresses: readonly string[] }>();
  for (const { owner, addresses } of all) {
    const key = `${owner.network}/${owner.containerID}`;
    const known = containers.get(key)?.addresses ?? [];
    containers.set(key, { owner, addresses: [...known, ...addresses] });
  }
  return containers.values();
}
