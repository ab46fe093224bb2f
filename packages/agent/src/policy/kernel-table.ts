/** Reads the table of NetworkPolicies. */
import { families, formatAddress } from '@cnikit/ip';
import {
  NF_ACCEPT,
  NFT_GOTO,
  type NftConnection,
  type SetElement,
  type Verdict,
} from '@cnikit/netlink/nftables';
import { OPEN } from '@cnikit/policy/compile';
import { canonical, hookText, isDormant } from '../core/filter-table.ts';
import { POLICY_TABLE } from '../core/names.ts';
import { IN_TABLE, LINK_MAP, podMap } from './names.ts';

/** A map from pods to chains, by their addresses or their host ends. */
interface PodMap {
  name: string;
  key: 'ipv4_addr' | 'ipv6_addr' | 'ifname';
}

const KEYS = { ipv4: 'ipv4_addr', ipv6: 'ipv6_addr' } as const;

/** Every map from pods to chains. */
export const podMaps: readonly PodMap[] = [
  ...(['egress', 'ingress'] as const).flatMap((direction) =>
    families.map((family) => ({ name: podMap(direction, family), key: KEYS[family] })),
  ),
  { name: LINK_MAP, key: 'ifname' },
];

/** Objects of the table by name. */
export interface TableObjects {
  /** Another program disabled the table: its chains see no packets. */
  dormant: boolean;
  /** Hook of each chain as text. */
  chains: ReadonlyMap<string, string>;
  /** Key, data and flags of each set and map as text. */
  sets: ReadonlyMap<string, string>;
}

/** Returns undefined when the table does not exist. */
export function readObjects(nft: NftConnection): TableObjects | undefined {
  const table = nft.table({ family: IN_TABLE.family, name: POLICY_TABLE });
  if (table === undefined) {
    return undefined;
  }
  return {
    dormant: isDormant(table),
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
const KEY_TYPES = { ipv4_addr: 7, ipv6_addr: 8, ifname: 41 } as const;

/** Returns the shape of a map from pods to chains, as {@link readObjects} returns it. */
export const podMapShape = ({ key }: PodMap): string => shape(KEY_TYPES[key], VERDICT, MAP);

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

/** Returns the chain of each address, or of each link, of a map, or {@link OPEN}. */
export function readPods(nft: NftConnection, name: string): Map<string, string> {
  const text = name === LINK_MAP ? linkText : formatAddress;
  return new Map(
    nft.elements({ ...IN_TABLE, name }).map(({ key, verdict }) => [text(key), chainOf(verdict)]),
  );
}

function chainOf(verdict: Verdict | undefined): string {
  return verdict?.code === NF_ACCEPT
    ? OPEN
    : verdict?.code === NFT_GOTO && verdict.chain?.[1] === '/'
      ? verdict.chain
      : `verdict ${verdict?.code} ${verdict?.chain ?? ''}`;
}

const linkText = (key: Uint8Array): string => new TextDecoder().decode(key).replace(/\0.*$/, '');

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
