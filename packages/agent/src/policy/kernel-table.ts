/** Reads the table of NetworkPolicies. */
import { type Family, families, formatAddress } from '@cnikit/ip';
import {
  NF_ACCEPT,
  NFT_GOTO,
  type NftConnection,
  type SetElement,
  type Verdict,
} from '@cnikit/netlink/nftables';
import { type Direction, OPEN } from '@cnikit/policy';
import { canonical, hookText } from '../core/filter-table.ts';
import { POLICY_TABLE } from '../core/names.ts';
import { IN_TABLE, podMap } from './names.ts';

/** Every map from pods to chains. */
export const podMaps: readonly { direction: Direction; family: Family; name: string }[] = (
  ['egress', 'ingress'] as const
).flatMap((direction) => families.map((family) => ({ direction, family, name: podMap(direction, family) })));

/** Objects of the table by name. */
export interface TableObjects {
  /** Hook of each chain as text. */
  chains: ReadonlyMap<string, string>;
  /** Key, data and flags of each set and map as text. */
  sets: ReadonlyMap<string, string>;
}

/** Returns undefined when the table does not exist. */
export function readObjects(nft: NftConnection): TableObjects | undefined {
  if (nft.table({ family: IN_TABLE.family, name: POLICY_TABLE }) === undefined) {
    return undefined;
  }
  return {
    chains: new Map(
      nft.chains(IN_TABLE).map(({ name = '', hook, policy }) => {
        const at = hook && { ...hook, hook: `${HOOKS[hook.hook]}${policy === 0 ? ' policy drop' : ''}` };
        return [name, hookText(at)];
      }),
    ),
    sets: new Map(
      nft
        .sets(IN_TABLE)
        .map(({ name = '', keyType, dataType, flags = 0 }) => [name, shape(keyType, dataType, flags)]),
    ),
  };
}

const HOOKS: Readonly<Record<number, string>> = { 1: 'input', 2: 'forward', 3: 'output' };

const shape = (key: number | undefined, data: number | undefined, flags: number): string =>
  `${key} ${data ?? ''} ${flags}`;

/** NFT_SET_MAP, and the types of `nft` for keys and verdicts. */
const [MAP, VERDICT] = [0x8, 0xffffff00];
const ADDRESS_TYPE = { ipv4: 7, ipv6: 8 } as const;

/** Returns the shape of a map from pods to chains, as {@link readObjects} returns it. */
export const podMapShape = (family: Family): string => shape(ADDRESS_TYPE[family], VERDICT, MAP);

/** Returns the rules of each chain, in order, as text that is equal for equal ones. */
export function readRules(nft: NftConnection, chain?: string): Map<string, string[]> {
  const rules = new Map<string, string[]>();
  for (const rule of nft.rules({ ...IN_TABLE, ...(chain !== undefined && { chain }) })) {
    const own = rules.get(rule.chain ?? '') ?? [];
    rules.set(rule.chain ?? '', own);
    own.push(canonical(rule.expressions));
  }
  return rules;
}

/** Returns the chain of each address of a map, or {@link OPEN}. */
export function readPods(nft: NftConnection, name: string): Map<string, string> {
  return new Map(
    nft.elements({ ...IN_TABLE, name }).map(({ key, verdict }) => [formatAddress(key), chainOf(verdict)]),
  );
}

function chainOf(verdict: Verdict | undefined): string {
  return verdict?.code === NF_ACCEPT
    ? OPEN
    : verdict?.code === NFT_GOTO && verdict.chain?.[1] === '/'
      ? verdict.chain
      : `verdict ${verdict?.code} ${verdict?.chain ?? ''}`;
}

/** Returns the elements of a set, as the ruleset names them. */
export const readElements = (nft: NftConnection, name: string): string[] =>
  nft.elements({ ...IN_TABLE, name }).map(elementText);

function elementText({ key }: SetElement): string {
  if (key.length === 4 || key.length === 16) {
    return formatAddress(key);
  }
  const address = key.subarray(0, key.length - 4);
  return `${formatAddress(address)} ${(key[address.length]! << 8) | key[address.length + 1]!}`;
}
