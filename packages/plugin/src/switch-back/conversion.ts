import type { Env } from '@cnikit/cni-spec';
import { fileStore } from '@cnikit/ipam/file-store';
import type { NftConnection } from '@cnikit/netlink/nftables';
import { ignoreErrno, type Sys } from '@cnikit/sys';
import { type NatChainKind, natChainRemoval, removeLegacyNatChains } from '../nat/nat-chain.ts';
import { tablesOf } from '../nat/nftables.ts';
import { type Owner, ownerText, parseOwner } from '../nat/owner.ts';
import { commitTogether } from '../nat/transaction.ts';

/** The input of a conversion. */
export interface Conversion {
  sys: Sys;
  env: Env;
  nft: NftConnection;
  backend: 'iptables' | 'nftables';
  /** Returns the owner that a comment names; undefined when it is unknown. */
  ownerOf(comment: string | undefined): Owner | undefined;
}

/**
 * Returns the lookup of owners. A long comment has digests instead of names; a reservation then has the names.
 *
 * @param dataDir parent of the networks' reservations
 * @param problems receives a sentence for each unknown owner
 */
export function ownerLookup(sys: Sys, dataDir: string, problems: string[]): Conversion['ownerOf'] {
  let reserved: Map<string, Owner> | undefined;
  return (comment) => {
    const owner = parseOwner(comment);
    if (owner !== undefined || comment === undefined) {
      return owner;
    }
    reserved ??= reservedOwners(sys, dataDir);
    const found = reserved.get(comment);
    if (found === undefined) {
      problems.push(
        `The owner of ${comment} is unknown: no reservation in ${dataDir} belongs to it. Name its ipam.dataDir with --data-dir`,
      );
    }
    return found;
  };
}

/** Returns the owners of all reservations by their comment. */
function reservedOwners(sys: Sys, dataDir: string): Map<string, Owner> {
  const owners = new Map<string, Owner>();
  const networks = ignoreErrno(['ENOENT', 'ENOTDIR'], () => sys.readdir(dataDir)) ?? [];
  for (const network of networks.filter((name) => !name.startsWith('.'))) {
    for (const { containerID, ifName } of fileStore({ sys, dir: `${dataDir}/${network}` }).list()
      .reservations) {
      const owner = { network, containerID, ifName };
      owners.set(ownerText(owner), owner);
    }
  }
  return owners;
}

/** Removes the chains of a container that an interrupted conversion left. */
export function removeNatChains(
  { sys, env, nft }: Conversion,
  kind: NatChainKind,
  { network, containerID }: Owner,
): void {
  commitTogether(nft, natChainRemoval(tablesOf(nft), kind, network, containerID));
  removeLegacyNatChains(sys, env, [{ chains: kind }], network, containerID);
}
