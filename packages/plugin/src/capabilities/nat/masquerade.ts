/** `ipMasq`: what a pod sends beyond its own subnets leaves the node with the node's address. */
import { CniError, type Context, ErrorCode, type IpConfig } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { NetworkSettings, PodIpam } from '../ipam.ts';
import {
  iptablesMasqueradeDifferences,
  MASQUERADE_CHAINS,
  masqueradeByIptables,
} from './masquerade-iptables.ts';
import {
  collectMasqueradeOfNftables,
  masqueradeByNftables,
  masqueradeDifferences,
  unmasqueradeByNftables,
} from './masquerade-nftables.ts';
import { collectNatChains, natChainName, removeLegacyNatChain, removeNatChain } from './nat-chain.ts';
import { byBackend, type NatBackend, whereNftables, withNftables } from './nftables.ts';
import type { Owner } from './owner.ts';
import { collectReferenceMasquerade, removeReferenceMasquerade } from './reference-nftables.ts';

/** Settings of a plugin that can have its pods masqueraded. */
export interface MasqueradeSettings extends NetworkSettings {
  ipMasq: boolean;
  ipMasqBackend: NatBackend;
}

type Masquerade = Context<MasqueradeSettings>;

/**
 * The backend that a configuration names.
 *
 * @throws CniError 7 for a word that is neither
 */
export function natBackend(field: string, word: string | undefined): NatBackend {
  if (!word) return undefined;
  if (word === 'nftables' || word === 'iptables') return word;
  throw new CniError(
    ErrorCode.InvalidNetworkConfig,
    `unrecognized ${field} ${JSON.stringify(word)}`,
    'It must be nftables or iptables; without it nftables is used where the kernel has it',
  );
}

/** ADD. When it throws, `undoMasquerade` takes back what was done. */
export function addMasquerade(sys: Sys, context: Masquerade, ips: readonly IpConfig[]): void {
  const addresses = ips.map(({ address }) => address);
  const owner = ownerOf(context);
  byBackend(
    context.conf.ipMasqBackend,
    () => withNftables(sys, (nft) => masqueradeByNftables(nft, owner, addresses)),
    () => masqueradeByIptables(sys, context.env, owner, addresses),
  );
}

/** Takes back what ADD has done for these addresses. */
export function undoMasquerade(sys: Sys, context: Masquerade, ips: readonly IpConfig[]): void {
  remove(
    sys,
    context,
    ips.map(({ address }) => address),
  );
}

/**
 * DEL, before the addresses are freed: another pod may have them at once. Also what the reference, or the other
 * backend, made for the pod before the configuration changed.
 */
export function deleteMasquerade(sys: Sys, context: Masquerade, ipam: PodIpam | undefined): void {
  const known = context.prevResult?.ips?.map(({ address }) => address) ?? [];
  const held = known.length > 0 ? known : (ipam?.held?.() ?? []);
  // Without an address that may be the attachment's all have to be looked at.
  remove(sys, context, held.length > 0 ? held : undefined);
}

function remove(sys: Sys, context: Masquerade, addresses: readonly string[] | undefined): void {
  const owner = ownerOf(context);
  const chain = natChainName(MASQUERADE_CHAINS, owner.network, owner.containerID);
  whereNftables(sys, (nft) => {
    unmasqueradeByNftables(nft, owner, addresses);
    removeNatChain(nft, MASQUERADE_CHAINS, chain);
    removeReferenceMasquerade(nft, owner);
  });
  removeLegacyNatChain(sys, context.env, MASQUERADE_CHAINS, chain);
}

/** CHECK: what is missing, in words. Where the configuration leaves the choice, either backend will do. */
export function masqueradeMissing(sys: Sys, context: Masquerade, addresses: readonly string[]): string[] {
  const { ipMasq, ipMasqBackend } = context.conf;
  if (!ipMasq) return [];
  const owner = ownerOf(context);
  const byIptables = () => iptablesMasqueradeDifferences(sys, context.env, owner, addresses);
  if (ipMasqBackend === 'iptables') return byIptables();
  const ofNftables = whereNftables(sys, (nft) => masqueradeDifferences(nft, owner, addresses));
  if (ofNftables?.length === 0) return [];
  const ofIptables = ipMasqBackend === 'nftables' ? undefined : byIptables();
  return ofIptables?.length === 0 ? [] : (ofNftables ?? ofIptables ?? ['nftables is missing in the kernel']);
}

/** GC, whether the configuration still masquerades or not. */
export function collectMasquerade(sys: Sys, context: Masquerade): void {
  const { conf, env, validAttachments } = context;
  if (validAttachments === undefined) return;
  const keep = validAttachments.map(({ containerID, ifname }) => ({ containerID, ifName: ifname }));
  const chains = keep.map(({ containerID }) => natChainName(MASQUERADE_CHAINS, conf.network, containerID));
  whereNftables(sys, (nft) => {
    collectMasqueradeOfNftables(nft, conf.network, keep);
    collectReferenceMasquerade(nft, conf.network, keep);
  });
  collectNatChains(sys, env, MASQUERADE_CHAINS, conf.network, new Set(chains));
}

function ownerOf({ conf, containerID, ifName }: Masquerade): Owner {
  return { network: conf.network, containerID, ifName };
}
