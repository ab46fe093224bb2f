/**
 * A pod's chains in iptables' nat table, of upstream or of cnikit with the backend iptables. They are found by name. The
 * chains of iptables-nft are nftables objects: they are looked up and removed over netlink, without running a program.
 */
import type { Env } from '@cnikit/cni-spec';
import { type Family, families } from '@cnikit/ip';
import { AttributeReader, NetlinkDecodeError } from '@cnikit/netlink/codec';
import { delChain, delRule, type NftConnection, type NftRule } from '@cnikit/netlink/nftables';
import type { Sys } from '@cnikit/sys';
import { sha512 } from '@cnikit/sys/internal';
import type { LegacyNat } from './iptables.ts';
import { legacyNat } from './legacy-nat.ts';
import { ruleTarget, type Tables, whereNftables } from './nftables.ts';
import type { Change } from './transaction.ts';

const NAME_LENGTH = 28;

/** A kind of chain: the prefix of its names, the chain that leads to it, and the prefix of the comments there. */
export interface NatChainKind {
  prefix: string;
  entry: string;
  comment: string;
}

/** The chains for masquerading, upstream's and cnikit's. */
export const MASQUERADE_CHAINS: NatChainKind = { prefix: 'CNI-', entry: 'POSTROUTING', comment: '' };

/** The chains for pods' ports, upstream's and cnikit's. */
export const PORT_CHAINS: NatChainKind = { prefix: 'CNI-DN-', entry: 'CNI-HOSTPORT-DNAT', comment: 'dnat ' };

/** Quotes an argument with blanks or quotes for iptables-restore. */
export function quoted(argument: string): string {
  return `"${argument.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Returns upstream's name for an attachment's chain, which does not depend on the interface. */
export function natChainName({ prefix }: NatChainKind, network: string, containerID: string): string {
  return (prefix + sha512(network + containerID)).slice(0, NAME_LENGTH);
}

/** Returns upstream's comment for an attachment's rules, or without a container the prefix for a network's rules. */
export function natComment({ comment }: NatChainKind, network: string, containerID?: string): string {
  return `${comment}name: "${network}" ${containerID === undefined ? '' : `id: "${containerID}"`}`;
}

const nftFamily = (family: Family) => (family === 'ipv4' ? 'ip' : 'ip6');
/** The table of each family, among `Tables`. */
const TABLE_KEYS = { ipv4: 'ip nat', ipv6: 'ip6 nat' } as const;
const inNat = (family: Family) => ({ family: nftFamily(family), table: 'nat' }) as const;

/**
 * Receives a chain before it is removed.
 *
 * @param lines the lines that iptables-save prints for the nat table, if they have been read
 */
export type BeforeChainRemoval = (family: Family, chain: string, lines?: readonly string[]) => void;

/** The size of an existing chain. */
export interface FoundChain {
  /** Number of rules in the entry chain that lead to it. */
  jumps: number;
  rules: number;
}

/** Finds a chain of iptables-nft or legacy iptables. */
export function findNatChain(
  sys: Sys,
  env: Env,
  family: Family,
  { entry }: NatChainKind,
  chain: string,
): FoundChain | undefined {
  const found = whereNftables(sys, (nft) => {
    if (nft.chainUse({ ...inNat(family), name: chain }) === undefined) {
      return undefined;
    }
    const jumps = nft.rules({ ...inNat(family), chain: entry }).filter((rule) => ruleTarget(rule) === chain);
    return { jumps: jumps.length, rules: nft.rules({ ...inNat(family), chain }).length };
  });
  if (found !== undefined) {
    return found;
  }
  const legacy = legacyNat(sys, env, family);
  if (!legacy?.lines.some((line) => line.startsWith(`:${chain} `))) {
    return undefined;
  }
  const rules = legacy.lines.filter((line) => line.startsWith(`-A ${chain} `)).length;
  return { jumps: legacyJumps(legacy, entry, chain).length, rules };
}

/** Removes an attachment's chain and the rules that lead to it, for both families, from iptables-nft. */
export function natChainRemoval(
  tables: Tables,
  kind: NatChainKind,
  network: string,
  containerID: string,
  before?: BeforeChainRemoval,
): Change[] {
  return removal(tables, kind, () => [natChainName(kind, network, containerID)], before);
}

/** Chains in legacy iptables to remove. */
export interface LegacyRemoval {
  chains?: NatChainKind;
  /** Receives the chains of all removals before they are removed. */
  before?: BeforeChainRemoval | undefined;
}

/** Removes an attachment's chains of several kinds from legacy iptables, if it is in use. */
export function removeLegacyNatChains(
  sys: Sys,
  env: Env,
  removals: readonly LegacyRemoval[],
  network: string,
  containerID: string,
): void {
  for (const family of families) {
    const legacy = legacyNat(sys, env, family);
    if (legacy === undefined) {
      continue;
    }
    for (const { chains: kind } of removals) {
      const chain = kind && natChainName(kind, network, containerID);
      if (chain !== undefined && legacy.lines.some((line) => line.startsWith(`:${chain} `))) {
        for (const { before } of removals) {
          before?.(family, chain, legacy.lines);
        }
        removeFromLegacy(legacy, kind!.entry, chain);
      }
    }
  }
}

/** Removes the network's chains of one kind, except those of the listed containers, from iptables-nft. */
export function natChainCollection(
  tables: Tables,
  kind: NatChainKind,
  network: string,
  keep: readonly string[],
  before?: BeforeChainRemoval,
): Change[] {
  const isStale = staleness(kind, network, keep);
  const comment = natComment(kind, network);
  return removal(
    tables,
    kind,
    (nft, family) => {
      const rules = nft
        .rules({ ...inNat(family), chain: kind.entry })
        .filter((rule) => xtComment(rule)?.startsWith(comment));
      return [...new Set(rules.map(ruleTarget).filter(isStale))];
    },
    before,
  );
}

/** Removes the network's chains of one kind, except those of the listed containers, from legacy iptables. */
export function collectLegacyNatChains(
  sys: Sys,
  env: Env,
  kind: NatChainKind,
  network: string,
  keep: readonly string[],
  before: BeforeChainRemoval = () => undefined,
): void {
  const noted = ` --comment ${quoted(natComment(kind, network)).slice(0, -1)}`;
  for (const family of families) {
    const legacy = legacyNat(sys, env, family);
    if (legacy === undefined) {
      continue;
    }
    const lines = legacy.lines.filter((line) => line.includes(noted));
    for (const chain of new Set(lines.map(legacyTarget).filter(staleness(kind, network, keep)))) {
      before(family, chain, legacy.lines);
      removeFromLegacy(legacy, kind.entry, chain);
    }
  }
}

function staleness(kind: NatChainKind, network: string, keep: readonly string[]) {
  const kept = new Set(keep.map((containerID) => natChainName(kind, network, containerID)));
  return (chain: string | undefined): chain is string =>
    chain?.startsWith(kind.prefix) === true && !kept.has(chain);
}

/** Removes the chains that `which` finds in existing tables. */
function removal(
  tables: Tables,
  { entry }: NatChainKind,
  which: (nft: NftConnection, family: Family) => readonly string[],
  before: BeforeChainRemoval = () => undefined,
): Change[] {
  const used = families.filter((family) => tables.has(TABLE_KEYS[family]));
  if (used.length === 0) {
    return [];
  }
  return [
    {
      requests: (nft) =>
        used.flatMap((family) => {
          const there = which(nft, family).filter(
            (name) => nft.chainUse({ ...inNat(family), name }) !== undefined,
          );
          if (there.length === 0) {
            return [];
          }
          for (const chain of there) {
            before(family, chain);
          }
          const jumps = nft.rules({ ...inNat(family), chain: entry });
          return there.flatMap((chain) => [
            ...jumps
              .filter((rule) => ruleTarget(rule) === chain)
              .map(({ handle = 0 }) => delRule({ ...inNat(family), chain: entry, handle })),
            delRule({ ...inNat(family), chain }),
            delChain({ ...inNat(family), name: chain }),
          ]);
        }),
    },
  ];
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

/** Returns the comment of an iptables rule, which is the data of a separate match (linux/netfilter/xt_comment.h). */
function xtComment({ expressions }: NftRule): string | undefined {
  for (const one of expressions) {
    if (one.name !== 'other' || one.kind !== 'match') {
      continue;
    }
    try {
      const reader = new AttributeReader(one.bytes, 0, one.bytes.length, 'little', 'match');
      let name = '';
      while (reader.next()) {
        if (reader.type === NFTA_MATCH_NAME) {
          name = reader.string();
        } else if (reader.type === NFTA_MATCH_INFO && name === 'comment') {
          return reader.string();
        }
      }
    } catch (error) {
      if (!(error instanceof NetlinkDecodeError)) {
        throw error;
      }
    }
  }
  return undefined;
}
