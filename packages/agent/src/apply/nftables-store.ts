/** Reads and writes the nftables table of the packet filter over netlink. */

import { formatAddress, parseAddress, parseNetwork } from '@cnikit/ip';
import { NetlinkError, type Request } from '@cnikit/netlink';
import {
  delElements,
  delRule,
  delSet,
  delTable,
  NFT_SET_ELEM_INTERVAL_END,
  NFT_SET_INTERVAL,
  type NftChain,
  type NftConnection,
  newChain,
  newElements,
  newRule,
  newSet,
  newTable,
  type SetElement,
} from '@cnikit/netlink/nftables';
import {
  canonical,
  type FilterChain,
  type FilterSet,
  type FilterTable,
  hookText,
  isDormant,
  type PresentTable,
} from '../core/filter-table.ts';
import { FILTER_TABLE } from '../core/names.ts';
import type { TableChange, TableStore } from './nftables.ts';

const FAMILY = 'inet';
/** The elements of a message take at most 64 KiB, and one element up to 64 bytes. */
const ELEMENTS_PER_MESSAGE = 500;

/** Opens the table. `nft` stays the caller's. */
export function openTableStore(nft: NftConnection, name: string = FILTER_TABLE): TableStore {
  return {
    read: () => readTable(nft, name),
    commit: (changes) => nft.commit(changes.flatMap((change) => requestsOf(name, change))),
  };
}

/**
 * Returns why the kernel cannot hold the table; undefined: it can. The kernel checks a transaction that always fails at
 * its last request, so nothing changes.
 *
 * @throws {NetlinkError} when the transaction fails for a reason that may pass
 */
export function unsupportedReason(nft: NftConnection, table: FilterTable): string | undefined {
  const name = `${FILTER_TABLE}-probe`;
  const requests = [
    ...tableRequests(name, table),
    delSet({ family: FAMILY, table: name, name: 'this-request-fails' }),
  ];
  try {
    nft.commit(requests);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.cause !== undefined || MAY_PASS.includes(error.code)) {
      throw error;
    }
    return error.index === requests.length - 1 ? undefined : error.message;
  }
  throw new Error('The kernel accepted a transaction that must fail');
}

/** Refusals that say nothing about what the kernel supports. */
const MAY_PASS: readonly string[] = ['EPERM', 'ENOMEM', 'ENOBUFS', 'EINTR', 'EAGAIN', 'EBUSY'];

function requestsOf(table: string, change: TableChange): Request[] {
  const inTable = { family: FAMILY, table } as const;
  switch (change.op) {
    case 'replace':
      return [
        ...(change.exists ? [delTable({ family: FAMILY, name: table })] : []),
        ...tableRequests(table, change.table),
      ];
    case 'remove':
      return [delTable({ family: FAMILY, name: table })];
    case 'rules':
      return [delRule({ ...inTable, chain: change.chain.name }), ...ruleRequests(table, change.chain)];
    case 'elements':
      // Removed first: an interval set refuses elements that overlap.
      return [
        ...elementRequests(table, change.set, change.remove, delElements),
        ...elementRequests(table, change.set, change.add, newElements),
      ];
  }
}

function tableRequests(name: string, { sets, chains }: FilterTable): Request[] {
  const inTable = { family: FAMILY, table: name } as const;
  return [
    newTable({ family: FAMILY, name, exclusive: true }),
    ...sets.flatMap((set, i) => [
      newSet({
        ...inTable,
        name: set.name,
        key: set.key,
        flags: set.key === 'ifname' ? 0 : NFT_SET_INTERVAL,
        id: i + 1,
      }),
      ...elementRequests(name, set, set.elements, newElements),
    ]),
    ...chains.flatMap((chain) => [
      newChain({ ...inTable, name: chain.name, hook: chain.hook }),
      ...ruleRequests(name, chain),
    ]),
  ];
}

const ruleRequests = (table: string, { name, rules }: FilterChain): Request[] =>
  rules.map(({ expressions }) => newRule({ family: FAMILY, table, chain: name, expressions }));

function elementRequests(
  table: string,
  { name, key }: FilterSet,
  elements: readonly string[],
  request: (set: { family: 'inet'; table: string; name: string }, elements: SetElement[]) => Request,
): Request[] {
  const encoded = elements.flatMap((element) =>
    key === 'ifname' ? [{ key: nameBytes(element) }] : intervalOf(element),
  );
  const requests: Request[] = [];
  for (let from = 0; from < encoded.length; from += ELEMENTS_PER_MESSAGE) {
    const some = encoded.slice(from, from + ELEMENTS_PER_MESSAGE);
    requests.push(request({ family: FAMILY, table, name }, some));
  }
  return requests;
}

/** Returns the first address of a prefix or range, and the first one behind it; none is behind the last one. */
function intervalOf(text: string): SetElement[] {
  const prefix = parseNetwork(text);
  if (prefix === undefined) {
    const [from, behind] = text.split('-').map(parseAddress);
    return [{ key: from! }, ...(behind ? [{ key: behind, flags: NFT_SET_ELEM_INTERVAL_END }] : [])];
  }
  const { address, length } = prefix;
  const end = Uint8Array.from(address);
  let at = (length + 7) >> 3;
  let carry = length === 0 ? 256 : 1 << (at * 8 - length);
  while (carry > 0 && at > 0) {
    at--;
    carry += end[at]!;
    end[at] = carry & 0xff;
    carry >>= 8;
  }
  return carry > 0 || length === 0
    ? [{ key: address }]
    : [{ key: address }, { key: end, flags: NFT_SET_ELEM_INTERVAL_END }];
}

function readTable(nft: NftConnection, name: string): PresentTable | undefined {
  const table = { family: FAMILY, table: name } as const;
  const present = nft.table({ family: FAMILY, name });
  if (present === undefined) {
    return undefined;
  }
  const rules = nft.rules(table);
  return {
    dormant: isDormant(present),
    sets: new Map(
      nft.sets(table).map(({ name: set = '', keyType, flags = 0 }) => {
        const key = keyNames[`${keyType} ${flags}`] ?? `type ${keyType} flags ${flags}`;
        return [set, { key, elements: new Set(elementsOf(nft.elements({ ...table, name: set }), key)) }];
      }),
    ),
    chains: new Map(
      nft.chains(table).map((chain) => [
        chain.name ?? '',
        {
          hook: hookText(hookOf(chain)),
          rules: rules
            .filter((rule) => rule.chain === chain.name)
            .map(({ expressions }) => canonical(expressions)),
        },
      ]),
    ),
  };
}

/** Kinds of the sets in use, by the kernel's number of the type and the flags. */
const keyNames: Readonly<Record<string, FilterSet['key']>> = {
  [`7 ${NFT_SET_INTERVAL}`]: 'ipv4_addr',
  [`8 ${NFT_SET_INTERVAL}`]: 'ipv6_addr',
  '41 0': 'ifname',
};

const hookNames = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/** A chain whose policy is to drop counts as another kind of chain. */
function hookOf({ hook, policy }: NftChain): Parameters<typeof hookText>[0] {
  return (
    hook && {
      ...hook,
      hook: `${hookNames[hook.hook] ?? hook.hook}${policy === 0 ? ' policy drop' : ''}`,
    }
  );
}

function elementsOf(elements: readonly SetElement[], key: string): string[] {
  if (key === 'ifname') {
    return elements.map((element) => nameOf(element.key));
  }
  const marks = elements.map((element) => ({
    hex: hexOf(element.key),
    bytes: element.key,
    end: ((element.flags ?? 0) & NFT_SET_ELEM_INTERVAL_END) !== 0,
  }));
  marks.sort((a, b) => (a.hex === b.hex ? Number(b.end) - Number(a.end) : a.hex < b.hex ? -1 : 1));
  return marks.flatMap(({ bytes, end }, i) => {
    const next = marks[i + 1];
    return end ? [] : [rangeText(bytes, next?.end ? next.bytes : undefined)];
  });
}

/** Returns a range as a prefix, or as `FROM-BEHIND`, which no desired element is. */
function rangeText(from: Uint8Array, behind: Uint8Array | undefined): string {
  const bits = from.length * 8;
  const size = (behind === undefined ? 1n << BigInt(bits) : numberOf(behind)) - numberOf(from);
  const length = bits - (size.toString(2).length - 1);
  return size === 1n << BigInt(bits - length) && numberOf(from) % size === 0n
    ? `${formatAddress(from)}/${length}`
    : `${formatAddress(from)}-${behind === undefined ? '' : formatAddress(behind)}`;
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${hexOf(bytes)}`);
const nameBytes = (name: string): Uint8Array => {
  const bytes = new Uint8Array(16);
  new TextEncoder().encodeInto(name, bytes);
  return bytes;
};
const nameOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8').replace(/\0.*$/s, '');
