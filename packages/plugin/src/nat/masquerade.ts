/** The setting `ipMasq`: packets from a pod to destinations outside of its subnets get the node's address. */
import { CniError, type Context, ErrorCode, type IpConfig } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { NetworkSettings, PodIpam } from '../ipam/pod-ipam.ts';
import { iptablesMasqueradeDifferences, masqueradeByIptables } from './masquerade-iptables.ts';
import { masqueradeChange, masqueradeDifferences } from './masquerade-nftables.ts';
import { masqueradeCollection, masqueradeRemoval } from './masquerade-removal.ts';
import { upstreamMasqueradeChange, upstreamMasqueradeDifferences } from './masquerade-upstream.ts';
import {
  collectLegacyNatChains,
  MASQUERADE_CHAINS,
  natChainCollection,
  natChainRemoval,
} from './nat-chain.ts';
import {
  byBackend,
  leastMissing,
  type NatBackend,
  tablesOf,
  whereNftables,
  withNftables,
} from './nftables.ts';
import type { Owner } from './owner.ts';
import {
  type PodEndpoint,
  type RemovalPart,
  removeRules,
  type TransactionPart,
} from './shared-transaction.ts';
import { commitTogether } from './transaction.ts';
import { upstreamMasqueradeCollection, upstreamMasqueradeRemoval } from './upstream-nftables.ts';

/** Settings of a plugin that supports masquerading. */
export interface MasqueradeSettings extends NetworkSettings {
  ipMasq: boolean;
  ipMasqBackend: NatBackend;
}

type Masquerade = Context<MasqueradeSettings>;

/**
 * Returns the backend that a configuration names.
 *
 * @throws {CniError} 7 when the backend is unknown
 */
export function natBackend(field: string, word: string | undefined): NatBackend {
  if (!word) {
    return undefined;
  }
  if (word === 'nftables' || word === 'iptables') {
    return word;
  }
  throw new CniError(
    ErrorCode.InvalidNetworkConfig,
    `unrecognized ${field} ${JSON.stringify(word)}`,
    'It must be nftables or iptables; by default it is nftables if the kernel has it',
  );
}

/**
 * Runs ADD. When it throws, `undoMasquerade` undoes it.
 *
 * @param joined rules of features, which go into the same transaction when the backend is nftables
 */
export function addMasquerade(
  sys: Sys,
  context: Masquerade,
  pod: PodEndpoint,
  joined: readonly TransactionPart[] = [],
): void {
  const addresses = pod.ips.map(({ address }) => address);
  const owner = ownerOf(context);
  const { ipMasqBackend } = context.conf;
  byBackend(
    ipMasqBackend,
    () =>
      withNftables(sys, (nft) => {
        const change = ipMasqBackend === 'nftables' ? upstreamMasqueradeChange : masqueradeChange;
        commitTogether(nft, [change(owner, addresses), ...joined.map((rules) => rules.change(pod))]);
        for (const rules of joined) {
          rules.made(nft, pod);
        }
      }),
    () => masqueradeByIptables(sys, context.env, owner, addresses),
  );
}

/** Undoes ADD for these addresses. */
export function undoMasquerade(sys: Sys, context: Masquerade, ips: readonly IpConfig[]): void {
  remove(
    sys,
    context,
    ips.map(({ address }) => address),
    [],
  );
}

/**
 * Runs DEL. Call it before the addresses are freed, because another pod may get them immediately. It also removes the
 * pod's rules of upstream and of the other backend. The configuration may have masqueraded at ADD only, so the rules are
 * looked for without ipMasq too.
 *
 * @param joined rules of features to remove in the same transaction
 */
export function deleteMasquerade(
  sys: Sys,
  context: Masquerade,
  ipam: PodIpam | undefined,
  joined: readonly RemovalPart[] = [],
): void {
  const known = context.prevResult?.ips?.map(({ address }) => address) ?? [];
  const held = known.length > 0 || !context.conf.ipMasq ? known : (ipam?.reserved?.() ?? []);
  // When no address is known, search all of them.
  remove(sys, context, held.length > 0 ? held : undefined, joined);
}

function remove(
  sys: Sys,
  context: Masquerade,
  addresses: readonly string[] | undefined,
  joined: readonly RemovalPart[],
): void {
  const owner = ownerOf(context);
  const own: RemovalPart = {
    chains: MASQUERADE_CHAINS,
    changes: (_, tables) => [
      ...masqueradeRemoval(tables, owner, addresses),
      ...natChainRemoval(tables, MASQUERADE_CHAINS, owner.network, owner.containerID),
      ...upstreamMasqueradeRemoval(tables, owner),
    ],
  };
  removeRules(sys, context.env, owner, [...joined, own]);
}

/**
 * Lists what is missing, for CHECK. The pod may be older than the configuration, or of upstream, so each form of rules is
 * accepted. The differences are from the configured form.
 */
export function masqueradeMissing(sys: Sys, context: Masquerade, addresses: readonly string[]): string[] {
  const { ipMasq, ipMasqBackend } = context.conf;
  if (!ipMasq) {
    return [];
  }
  const owner = ownerOf(context);
  const byNftables = (differences: typeof masqueradeDifferences) => () =>
    whereNftables(sys, (nft) => differences(nft, owner, addresses));
  const ours = byNftables(masqueradeDifferences);
  const upstream = byNftables(upstreamMasqueradeDifferences);
  const iptables = () => iptablesMasqueradeDifferences(sys, context.env, owner, addresses);
  const forms = {
    none: [ours, iptables, upstream],
    nftables: [upstream, ours, iptables],
    iptables: [iptables, ours, upstream],
  };
  return leastMissing(forms[ipMasqBackend ?? 'none']);
}

/** Runs GC, even when the configuration no longer masquerades. */
export function collectMasquerade(sys: Sys, context: Masquerade): void {
  const { conf, env, validAttachments } = context;
  if (validAttachments === undefined) {
    return;
  }
  const { network } = conf;
  const keep = validAttachments.map(({ containerID, ifname }) => ({ containerID, ifName: ifname }));
  const containers = keep.map(({ containerID }) => containerID);
  whereNftables(sys, (nft) => {
    const tables = tablesOf(nft);
    commitTogether(nft, [
      ...masqueradeCollection(tables, nft, network, keep),
      ...natChainCollection(tables, MASQUERADE_CHAINS, network, containers),
      ...upstreamMasqueradeCollection(tables, network, keep),
    ]);
  });
  collectLegacyNatChains(sys, env, MASQUERADE_CHAINS, network, containers);
}

function ownerOf({ conf, containerID, ifName }: Masquerade): Owner {
  return { network: conf.network, containerID, ifName };
}
