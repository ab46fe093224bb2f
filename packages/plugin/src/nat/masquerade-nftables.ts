/**
 * Masquerading in nftables. A map leads from each pod's address to the chain of its subnet, so a packet, an ADD and a
 * DEL cost the same however many pods exist. Each network has its own table, since two networks may use the same
 * addresses:
 *
 *     table inet cnikit_masquerade_pods {
 *       map pods4 { type ipv4_addr : verdict; elements = { 10.1.0.5 comment "pods/4f1c/eth0" : goto subnet-10.1.0.0/24 } }
 *       map pods6 { … }
 *       chain postrouting { type nat hook postrouting priority srcnat; ip saddr vmap @pods4; ip6 saddr vmap @pods6 }
 *       chain subnet-10.1.0.0/24 { ip daddr 10.1.0.0/24 accept; ip daddr 224.0.0.0/4 accept; masquerade }
 *     }
 *
 * A refused transaction costs an RCU grace period (15 ms, against 10 µs for an accepted one). So the code reads the
 * present state first, and a refusal means that another process changed it in between.
 */
import type { Request } from '@cnikit/netlink';
import {
  delChain,
  delElements,
  delRule,
  delSet,
  delTable,
  NFT_GOTO,
  type NftConnection,
  newChain,
  newElements,
  newRule,
  newSet,
  newTable,
  type SetElement,
} from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import { digest } from '#digest';
import { isIPv6, knownPrefix, subnetOf } from '../lib/prefix.ts';
import { elementsOf, isRace, type Tables } from './nftables.ts';
import { belongsTo, type Owner, ownerText } from './owner.ts';
import type { Change } from './transaction.ts';

export const FAMILY = 'inet';
export const TABLE_PREFIX = 'cnikit_masquerade_';
const MAX_NETWORK_NAME = 64;
export const MAPS = ['pods4', 'pods6'] as const;
const POSTROUTING = 'postrouting';
/** Value of `use` of a table without subnets: its own chain and maps. */
const EMPTY_TABLE_USE = 3;
/** Number of rules in a subnet's chain. */
const SUBNET_RULES = 3;
const SUBNET_PREFIX = 'subnet-';

/** The name of a network's table. A digest starts with an underscore, as no network name does. */
function tableOf(network: string): string {
  return TABLE_PREFIX + (network.length <= MAX_NETWORK_NAME ? network : `_${digest(network, 12)}`);
}

const tableRef = (name: string) => ({ family: FAMILY, name }) as const;
export const inTable = (table: string) => ({ family: FAMILY, table }) as const;
const mapFor = (table: string, address: string) => ({
  ...inTable(table),
  name: MAPS[isIPv6(address) ? 1 : 0],
});
const keyOf = (address: string) => knownPrefix(address).address;

/** The chain of an address's subnet; `nft` accepts no colon in a name. */
function chainOf(address: string): string {
  return SUBNET_PREFIX + subnetOf(address).replaceAll(':', '_');
}

/** Masquerades packets from the addresses to destinations outside of their subnets. All addresses have prefix lengths. */
export function masqueradeChange(owner: Owner, addresses: readonly string[]): Change {
  const comment = ownerText(owner);
  const table = tableOf(owner.network);
  return {
    requests(nft, attempt) {
      const base = nft.chainUse({ ...inTable(table), name: POSTROUTING });
      // Another program may have flushed the table, which leaves its chains and maps.
      const isDoubtful = base !== undefined && (attempt > 1 || base < MAPS.length);
      const requests: Request[] = base === undefined ? newBase(table) : [];
      if (isDoubtful && rulesIn(nft, table, POSTROUTING) < MAPS.length) {
        requests.push(delRule({ ...inTable(table), chain: POSTROUTING }), ...baseRules(table));
      }
      for (const [name, address] of new Map(addresses.map((one) => [chainOf(one), one]))) {
        if (base === undefined || nft.chainUse({ ...inTable(table), name }) === undefined) {
          requests.push(
            newChain({ ...inTable(table), name, exclusive: true }),
            ...subnetRules(table, name, address),
          );
        } else if (isDoubtful && rulesIn(nft, table, name) < SUBNET_RULES) {
          requests.push(delRule({ ...inTable(table), chain: name }), ...subnetRules(table, name, address));
        }
      }
      for (const address of addresses) {
        const map = mapFor(table, address);
        const key = keyOf(address);
        // The previous owner of the address was never deleted.
        if (attempt > 1 && nft.element(map, key)) {
          requests.push(delElements(map, [{ key }]));
        }
        const verdict = { code: NFT_GOTO, chain: chainOf(address) };
        requests.push(newElements({ ...map, exclusive: true }, [{ key, verdict, comment }]));
      }
      return requests;
    },
  };
}

function newBase(name: string): Request[] {
  const [pods4, pods6] = MAPS;
  const table = inTable(name);
  return [
    newTable({ ...tableRef(name), exclusive: true }),
    newSet({ ...table, name: pods4, key: 'ipv4_addr', data: 'verdict', id: 1 }),
    newSet({ ...table, name: pods6, key: 'ipv6_addr', data: 'verdict', id: 2 }),
    newChain({
      ...table,
      name: POSTROUTING,
      hook: { type: 'nat', hook: 'postrouting', priority: 100 },
    }),
    ...baseRules(name),
  ];
}

function baseRules(name: string): Request[] {
  const [pods4, pods6] = MAPS;
  const rule = { ...inTable(name), chain: POSTROUTING };
  return [
    newRule({ ...rule, expressions: expr.verdictMap(['ip saddr'], pods4) }),
    newRule({ ...rule, expressions: expr.verdictMap(['ip6 saddr'], pods6) }),
  ];
}

const rulesIn = (nft: NftConnection, table: string, chain: string): number =>
  nft.rules({ ...inTable(table), chain }).length;

function delBase(name: string): Request[] {
  const table = inTable(name);
  return [
    delRule({ ...table, chain: POSTROUTING }),
    delChain({ ...table, name: POSTROUTING }),
    ...MAPS.map((map) => delSet({ ...table, name: map })),
    delTable({ ...tableRef(name), ifEmpty: true }),
  ];
}

function subnetRules(name: string, chain: string, address: string): Request[] {
  const spared = [subnetOf(address), isIPv6(address) ? 'ff00::/8' : '224.0.0.0/4'];
  const table = inTable(name);
  return [
    ...spared.map((prefix) =>
      newRule({ ...table, chain, expressions: [...expr.destination(prefix), ...expr.accept()] }),
    ),
    newRule({ ...table, chain, expressions: expr.masquerade() }),
  ];
}

/**
 * Removes an attachment's addresses. The last attachment removes its subnet's chain, and the table.
 *
 * @param addresses addresses that the attachment may have, with or without prefix length; undefined when they are
 *   unknown, so that all addresses of the network are searched
 */
export function masqueradeRemoval(
  tables: Tables,
  owner: Owner,
  addresses: readonly string[] | undefined,
): Change[] {
  const table = tableOf(owner.network);
  if (!isPresent(tables, table)) {
    return [];
  }
  const comment = ownerText(owner);
  const isOwn = (element: SetElement | undefined): element is SetElement => element?.comment === comment;
  const find = (nft: NftConnection, name: string) => {
    const map = { ...inTable(table), name };
    if (addresses === undefined) {
      return elementsOf(nft, map).filter(isOwn);
    }
    return addresses
      .filter((address) => mapFor(table, address).name === name)
      .map((address) => nft.element(map, keyOf(address)))
      .filter(isOwn);
  };
  return [removal(table, find)];
}

/** Removes the addresses of this network's attachments that are not in `keep`. */
export function masqueradeCollection(
  tables: Tables,
  nft: NftConnection,
  network: string,
  keep: readonly Omit<Owner, 'network'>[],
): Change[] {
  const table = tableOf(network);
  if (!isPresent(tables, table)) {
    return [];
  }
  const kept = new Set(keep.map((one) => ownerText({ network, ...one })));
  const isStale = ({ comment }: SetElement) =>
    comment !== undefined && belongsTo(comment, network) && !kept.has(comment);
  const subnets = nft
    .chains(inTable(table))
    .map(({ name = '' }) => name)
    .filter((name) => name.startsWith(SUBNET_PREFIX));
  const find = (_: NftConnection, name: string) =>
    elementsOf(nft, { ...inTable(table), name }).filter(isStale);
  return [removal(table, find, subnets, true)];
}

function isPresent(tables: Tables, table: string): boolean {
  return tables.has(`${FAMILY} ${table}`);
}

/** Lists what an attachment's masquerading lacks. */
export function masqueradeDifferences(
  nft: NftConnection,
  owner: Owner,
  addresses: readonly string[],
): string[] {
  const table = tableOf(owner.network);
  const comment = ownerText(owner);
  const rulesOf = (chain: string) => rulesIn(nft, table, chain);
  const differences = rulesOf(POSTROUTING) < MAPS.length ? [`rules are missing in chain ${POSTROUTING}`] : [];
  for (const address of addresses) {
    if (nft.element(mapFor(table, address), keyOf(address))?.comment !== comment) {
      differences.push(`${address} is not masqueraded`);
    } else if (rulesOf(chainOf(address)) < SUBNET_RULES) {
      differences.push(`rules are missing in chain ${chainOf(address)}`);
    }
  }
  return differences;
}

/**
 * Removes elements, and chains that no element leads to afterwards. It is one transaction, so a killed process leaves
 * all or nothing. When a pod joins the subnet at the same time, or another DEL runs, the state is read again.
 *
 * @param known chains that may have lost their last element before
 * @param idleTable true when the table may have lost its last subnet before
 */
function removal(
  table: string,
  find: (nft: NftConnection, map: string) => SetElement[],
  known: readonly string[] = [],
  idleTable = false,
): Change {
  const chains = new Set(known);
  /** Number of elements that lead to a chain; undefined when it does not exist. */
  const leadingTo = (nft: NftConnection, name: string): number | undefined => {
    const use = nft.chainUse({ ...inTable(table), name });
    return use === undefined ? undefined : use - (isFlushed ? rulesIn(nft, table, name) : SUBNET_RULES);
  };
  let isFlushed = false;
  let idle: string[] = [];
  let last = false;
  return {
    requests(nft, attempt) {
      const requests: Request[] = [];
      const leading: string[] = [];
      const base = nft.chainUse({ ...inTable(table), name: POSTROUTING }) ?? 0;
      isFlushed = attempt > 1 || base < MAPS.length;
      for (const name of MAPS) {
        const stale = find(nft, name);
        const keys = stale.map(({ key }) => ({ key }));
        if (keys.length > 0) {
          requests.push(delElements({ ...inTable(table), name }, keys));
        }
        leading.push(...stale.map(({ verdict }) => verdict?.chain ?? ''));
      }
      for (const name of leading) {
        chains.add(name);
      }
      idle = [...chains].filter((name) => {
        const own = leading.filter((one) => one === name).length;
        return leadingTo(nft, name) === own;
      });
      for (const name of idle) {
        requests.push(delRule({ ...inTable(table), chain: name }), delChain({ ...inTable(table), name }));
      }
      last =
        (idle.length > 0 || idleTable) && nft.tableUse(tableRef(table)) === EMPTY_TABLE_USE + idle.length;
      if (last) {
        requests.push(...delBase(table));
      }
      return requests;
    },
    more(nft) {
      // Attachments that leave a subnet at the same time each saw the others. The last one sees an unused chain.
      const crowded = [...chains].filter((name) => !idle.includes(name));
      if (crowded.some((name) => leadingTo(nft, name) === 0)) {
        return true;
      }
      if (idle.length > 0 && !last) {
        removeIfEmpty(nft, table);
      }
      return false;
    },
  };
}

function removeIfEmpty(nft: NftConnection, table: string): void {
  if (nft.tableUse(tableRef(table)) !== EMPTY_TABLE_USE) {
    return;
  }
  try {
    nft.commit(delBase(table));
  } catch (error) {
    if (!isRace(error)) {
      throw error;
    }
  }
}
