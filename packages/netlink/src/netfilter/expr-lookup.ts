/** Matches and verdicts of sets and maps. */
import { NetlinkEncodeError } from '../codec/errors.ts';
import { ipVersion, NETWORK_HEADER, TRANSPORT_HEADER } from './expr-parts.ts';
import { type Expression, NFT_REG_1, NFT_REG32_00 } from './expression.ts';

const address = (version: 'ipv4' | 'ipv6', offset: number) =>
  ({ version, base: NETWORK_HEADER, offset, len: version === 'ipv4' ? 4 : 16 }) as const;

/** Fields that a set or map can be keyed by, with the names of `nft`. */
const selectors = {
  'ip saddr': address('ipv4', 12),
  'ip daddr': address('ipv4', 16),
  'ip6 saddr': address('ipv6', 8),
  'ip6 daddr': address('ipv6', 24),
  'meta l4proto': { meta: 16, len: 1 },
  'meta mark': { meta: 3, len: 4 },
  iifname: { meta: 6, len: 16 },
  oifname: { meta: 7, len: 16 },
  'th sport': { base: TRANSPORT_HEADER, offset: 0, len: 2 },
  'th dport': { base: TRANSPORT_HEADER, offset: 2, len: 2 },
} as const;
/** A field of the key of a set or map. `th sport` and `th dport` need `meta l4proto`. */
export type Selector = keyof typeof selectors;
/** A field of the packet, or bytes in packet order that are equal for all packets of the rule. */
export type KeyPart = Selector | Uint8Array;

/** The registers have 64 bytes. */
const MAX_KEY_WORDS = 16;

/** Loads the parts of a key into consecutive registers. In family inet it also checks the IP version for addresses. */
export function loadKey(key: readonly KeyPart[]): Expression[] {
  const checks: Expression[] = [];
  const loads: Expression[] = [];
  let word = 0;
  for (const part of key) {
    // `nft` uses NFT_REG_1, which overlaps the first 4-byte registers.
    const dreg = word === 0 ? NFT_REG_1 : NFT_REG32_00 + word;
    if (typeof part !== 'string') {
      loads.push({ name: 'immediate', dreg, data: part });
      word += (part.length + 3) >> 2;
      continue;
    }
    if (!Object.hasOwn(selectors, part)) {
      throw new NetlinkEncodeError('BAD_REQUEST', `Unknown field of a key: ${JSON.stringify(part)}`);
    }
    const from = selectors[part];
    if ('meta' in from) {
      loads.push({ name: 'meta', key: from.meta, dreg });
    } else {
      const { base, offset, len } = from;
      loads.push({ name: 'payload', base, offset, len, dreg });
    }
    if ('version' in from && checks.length === 0) {
      checks.push(...ipVersion(from.version));
    }
    word += (from.len + 3) >> 2;
  }
  if (word === 0 || word > MAX_KEY_WORDS) {
    throw new NetlinkEncodeError('BAD_VALUE', `A key has 1 to 64 bytes, not ${4 * word}`);
  }
  return [...checks, ...loads];
}

/**
 * `ip daddr . meta l4proto . th dport vmap @NAME`: the verdict of a map. In family inet it also checks the IP version for
 * addresses. A packet that is not in the map continues with the next statement.
 *
 * @throws {NetlinkEncodeError} when the key has an unknown field, or more than 64 bytes
 */
export const verdictMap = (
  key: readonly KeyPart[],
  map: string,
  { setId }: { setId?: number | undefined } = {},
): Expression[] => [...loadKey(key), { name: 'lookup', set: map, sreg: NFT_REG_1, dreg: 0, setId }];

/**
 * `ip saddr . th dport @NAME`: the packet is in a set. In family inet it also checks the IP version for addresses.
 *
 * Bytes in the key let many rules share one set. `nft` 1.0.6 refuses such a rule in a file, and lists the bytes as a
 * number. `setId` names an anonymous set of the same transaction.
 *
 * @throws {NetlinkEncodeError} when the key has an unknown field, or more than 64 bytes
 */
export const lookup = (
  key: readonly KeyPart[],
  set: string,
  { not, setId }: { not?: boolean | undefined; setId?: number | undefined } = {},
): Expression[] => [
  ...loadKey(key),
  { name: 'lookup', set, sreg: NFT_REG_1, setId, flags: not ? NFT_LOOKUP_F_INV : undefined },
];

const NFT_LOOKUP_F_INV = 1;
