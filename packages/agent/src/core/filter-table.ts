/** The agent's nftables table as a value. Pure. */
import { type ChainHook, type Expression, NFT_REG_1, NFT_REG32_00 } from '@cnikit/netlink/nftables';

/** A set of prefixes that do not overlap, or of names of links. */
export interface FilterSet {
  name: string;
  key: 'ipv4_addr' | 'ipv6_addr' | 'ifname';
  elements: readonly string[];
}

export interface FilterRule {
  /** As nft prints it. */
  text: string;
  expressions: readonly Expression[];
}

/** A base chain. */
export interface FilterChain {
  name: string;
  hook: ChainHook;
  rules: readonly FilterRule[];
}

export interface FilterTable {
  sets: readonly FilterSet[];
  chains: readonly FilterChain[];
}

/** The table as it is. */
export interface PresentTable {
  /** Another program disabled it: its chains see no packets. */
  dormant?: boolean | undefined;
  /** Elements of each set by name. */
  sets: ReadonlyMap<string, { key: string; elements: ReadonlySet<string> }>;
  /** Hook of each chain as {@link hookText}, and its rules as {@link canonical}, by name. */
  chains: ReadonlyMap<string, { hook: string; rules: readonly string[] }>;
}

/** NFT_TABLE_F_DORMANT (linux/netfilter/nf_tables.h). */
const DORMANT = 1;

export const isDormant = ({ flags = 0 }: { flags?: number | undefined }): boolean => (flags & DORMANT) !== 0;

export const hookText = (hook: { type: string; hook: string; priority: number } | undefined): string =>
  hook === undefined ? 'none' : `type ${hook.type} hook ${hook.hook} priority ${hook.priority}`;

/**
 * Returns expressions as text that is equal for equal ones: the kernel omits or adds fields that are 0, and names a
 * 4-byte register by the 16-byte register that begins there.
 */
export function canonical(expressions: readonly Expression[]): string {
  return JSON.stringify(expressions, (name, value: unknown) => {
    if (name === 'dreg' && typeof value === 'number' && value >= NFT_REG32_00) {
      return (value - NFT_REG32_00) % 4 === 0 ? NFT_REG_1 + (value - NFT_REG32_00) / 4 : value;
    }
    if (value instanceof Uint8Array) {
      return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return typeof value === 'bigint' ? Number(value) : value;
    }
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, member]) => member !== undefined && member !== 0)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  });
}

/** Returns the table as a reading of the kernel finds it. */
export function presentOf({ sets, chains }: FilterTable): PresentTable {
  return {
    sets: new Map(sets.map(({ name, key, elements }) => [name, { key, elements: new Set(elements) }])),
    chains: new Map(
      chains.map(({ name, hook, rules }) => [
        name,
        { hook: hookText(hook), rules: rules.map(({ expressions }) => canonical(expressions)) },
      ]),
    ),
  };
}
