/**
 * Chains that the reference plugins, or we with the backend iptables, made for a pod in the nat table. They are found
 * by name. Those of iptables' newer interface are nftables' own: they are looked up and removed over netlink, without
 * a run of anything.
 */
import type { Env } from '@cnikit/cni-spec';
import { AttributeReader, NetlinkDecodeError } from '@cnikit/netlink/codec';
import { delChain, delRule, type NftConnection, type NftRule } from '@cnikit/netlink/nftables';
import type { Sys } from '@cnikit/sys';
import { sha512 } from '../sha512.ts';
import { type LegacyNat, legacyNat, NAT_FAMILIES, type NatFamily, quoted } from './iptables.ts';
import { isRace, ruleTarget, whereNftables } from './nftables.ts';

const NAME_LENGTH = 28;
const ATTEMPTS = 100;

/** A kind of chain: how its names begin, which chain leads to it, and how its rules' comments begin there. */
export interface NatChainKind {
  prefix: string;
  entry: string;
  comment: string;
}

/** The reference's name for an attachment's chain; the interface is no part of it. */
export function natChainName({ prefix }: NatChainKind, network: string, containerID: string): string {
  return (prefix + sha512(network + containerID)).slice(0, NAME_LENGTH);
}

/** The reference's comment for an attachment's rules. */
export function natComment({ comment }: NatChainKind, network: string, containerID: string): string {
  return `${comment}name: "${network}" id: "${containerID}"`;
}

const nftFamily = (family: NatFamily) => (family === 'ipv4' ? 'ip' : 'ip6');
const inNat = (family: NatFamily) => ({ family: nftFamily(family), table: 'nat' }) as const;

/** What there is of a chain. */
export interface FoundChain {
  /** How many rules lead to it from its entry. */
  jumps: number;
  rules: number;
}

/** Looks for a chain, in both of iptables' interfaces. */
export function findNatChain(
  sys: Sys,
  env: Env,
  family: NatFamily,
  { entry }: NatChainKind,
  chain: string,
): FoundChain | undefined {
  const found = whereNftables(sys, (nft) => {
    if (nft.chain({ ...inNat(family), name: chain }) === undefined) return undefined;
    const jumps = nft.rules({ ...inNat(family), chain: entry }).filter((rule) => ruleTarget(rule) === chain);
    return { jumps: jumps.length, rules: nft.rules({ ...inNat(family), chain }).length };
  });
  if (found !== undefined) return found;
  const legacy = legacyNat(sys, env, family);
  if (!legacy?.lines.some((line) => line.startsWith(`:${chain} `))) return undefined;
  const rules = legacy.lines.filter((line) => line.startsWith(`-A ${chain} `)).length;
  return { jumps: legacyJumps(legacy, entry, chain).length, rules };
}

/** Removes a chain with what leads to it, of both families, from iptables' newer interface. */
export function removeNatChain(nft: NftConnection, { entry }: NatChainKind, chain: string): void {
  for (const family of NAT_FAMILIES) removeFrom(nft, family, entry, chain);
}

/** The same for the older interface, where that is in use. */
export function removeLegacyNatChain(sys: Sys, env: Env, { entry }: NatChainKind, chain: string): void {
  for (const family of NAT_FAMILIES) {
    const legacy = legacyNat(sys, env, family);
    if (legacy?.lines.some((line) => line.startsWith(`:${chain} `))) removeFromLegacy(legacy, entry, chain);
  }
}

/** Removes the chains of a kind that belong to the network, but for those named, from both interfaces. */
export function collectNatChains(
  sys: Sys,
  env: Env,
  kind: NatChainKind,
  network: string,
  keep: ReadonlySet<string>,
): void {
  const comment = `${kind.comment}name: "${network}" `;
  const isStale = (chain: string | undefined): chain is string =>
    chain?.startsWith(kind.prefix) === true && !keep.has(chain);
  for (const family of NAT_FAMILIES) {
    whereNftables(sys, (nft) => {
      const rules = nft
        .rules({ ...inNat(family), chain: kind.entry })
        .filter((rule) => xtComment(rule)?.startsWith(comment));
      for (const chain of new Set(rules.map(ruleTarget).filter(isStale)))
        removeFrom(nft, family, kind.entry, chain);
    });
    const legacy = legacyNat(sys, env, family);
    const noted = ` --comment ${quoted(comment).slice(0, -1)}`;
    const lines = legacy?.lines.filter((line) => line.includes(noted)) ?? [];
    for (const chain of new Set(lines.map(legacyTarget).filter(isStale))) {
      removeFromLegacy(legacy as LegacyNat, kind.entry, chain);
    }
  }
}

function removeFrom(nft: NftConnection, family: NatFamily, entry: string, chain: string): void {
  for (let attempt = 1; nft.chain({ ...inNat(family), name: chain }); attempt++) {
    const jumps = nft.rules({ ...inNat(family), chain: entry }).filter((rule) => ruleTarget(rule) === chain);
    try {
      nft.commit([
        ...jumps.map(({ handle = 0 }) => delRule({ ...inNat(family), chain: entry, handle })),
        delRule({ ...inNat(family), chain }),
        delChain({ ...inNat(family), name: chain }),
      ]);
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !isRace(error)) throw error;
    }
  }
}

function removeFromLegacy(legacy: LegacyNat, entry: string, chain: string): void {
  const jumps = legacyJumps(legacy, entry, chain).map((line) => line.replace('-A', '-D'));
  legacy.restore([...jumps, `-F ${chain}`, `-X ${chain}`]);
}

const legacyTarget = (line: string): string | undefined => / -j (\S+)$/.exec(line)?.[1];

function legacyJumps({ lines }: LegacyNat, entry: string, chain: string): string[] {
  return lines.filter((line) => line.startsWith(`-A ${entry} `) && legacyTarget(line) === chain);
}

const NFTA_MATCH_NAME = 1;
const NFTA_MATCH_INFO = 3;

/** The comment of a rule of iptables: a match of its own, whose data is the text (linux/netfilter/xt_comment.h). */
function xtComment({ expressions }: NftRule): string | undefined {
  for (const one of expressions) {
    if (one.name !== 'other' || one.kind !== 'match') continue;
    try {
      const reader = new AttributeReader(one.bytes, 0, one.bytes.length, 'little', 'match');
      let name = '';
      while (reader.next()) {
        if (reader.type === NFTA_MATCH_NAME) name = reader.string();
        else if (reader.type === NFTA_MATCH_INFO && name === 'comment') return reader.string();
      }
    } catch (error) {
      if (!(error instanceof NetlinkDecodeError)) throw error;
    }
  }
  return undefined;
}
