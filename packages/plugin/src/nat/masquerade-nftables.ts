/**
 * Masquerading by nftables. A map leads from each pod's address to the chain of its subnet, so that a packet, an ADD
 * and a DEL cost the same however many pods there are. Each network has a table, for two may use the same addresses:
 *
 *     table inet cnikit_masquerade_pods {
 *       map pods4 { type ipv4_addr : verdict; elements = { 10.1.0.5 comment "pods/4f1c/eth0" : goto subnet-10.1.0.0/24 } }
 *       map pods6 { … }
 *       chain postrouting { type nat hook postrouting priority srcnat; ip saddr vmap @pods4; ip6 saddr vmap @pods6 }
 *       chain subnet-10.1.0.0/24 { ip daddr 10.1.0.0/24 accept; ip daddr 224.0.0.0/4 accept; masquerade }
 *     }
 *
 * A transaction that the kernel refuses costs it a wait for RCU (15 ms, where one that it takes is done in 10 us), so
 * what is there is asked for first; a refusal then means that another process came in between.
 */

import type { Request } from '@cnikit/netlink';
import {
  accept,
  delChain,
  delElements,
  delRule,
  delSet,
  delTable,
  destination,
  masquerade,
  NFT_GOTO,
  type NftConnection,
  newChain,
  newElements,
  newRule,
  newSet,
  newTable,
  type SetElement,
  verdictMap,
} from '@cnikit/netlink/nftables';
import { isIPv6, knownPrefix, subnetOf } from '../lib/prefix.ts';
import { digest } from '../links/names.ts';
import { elementsOf, isRace, type Tables } from './nftables.ts';
import { belongsTo, type Owner, ownerText } from './owner.ts';
import type { Change } from './transaction.ts';

const FAMILY = 'inet';
/** One table for all networks, as earlier versions had it: pods that were there before an upgrade are in it. */
const COMMON_TABLE = 'cnikit_masquerade';
const LONGEST_NAME = 64;
const MAPS = ['pods4', 'pods6'] as const;
const POSTROUTING = 'postrouting';
/** Chains and maps of a table without subnets, rules of a subnet's chain. */
const TABLE_USE = 3;
const SUBNET_RULES = 3;
const SUBNET_PREFIX = 'subnet-';

/** A table by its name. */
type Named = string;

/** The name of a network's table. No network's name begins with an underscore. */
function tableOf(network: string): Named {
  return `${COMMON_TABLE}_${network.length <= LONGEST_NAME ? network : `_${digest(network, 12)}`}`;
}

const tableRef = (name: Named) => ({ family: FAMILY, name }) as const;
const inTable = (table: Named) => ({ family: FAMILY, table }) as const;
const mapFor = (table: Named, address: string) => ({
  ...inTable(table),
  name: MAPS[isIPv6(address) ? 1 : 0],
});
const keyOf = (address: string) => knownPrefix(address).address;

/** The chain of an address's subnet. Words of `nft` have no colon. */
function chainOf(address: string): string {
  return SUBNET_PREFIX + subnetOf(address).replaceAll(':', '_');
}

/** Has what the addresses send beyond their subnets masqueraded. They have prefix lengths, here and below. */
export function masqueradeChange(owner: Owner, addresses: readonly string[]): Change {
  const comment = ownerText(owner);
  const table = tableOf(owner.network);
  return {
    requests(nft, attempt) {
      const chains = new Map(addresses.map((address) => [chainOf(address), address]));
      for (const name of chains.keys()) {
        if (nft.chain({ ...inTable(table), name })) {
          chains.delete(name);
        }
      }
      const requests: Request[] = [];
      if (chains.size > 0 && nft.table(tableRef(table)) === undefined) {
        requests.push(...newBase(table));
      }
      for (const [name, address] of chains) {
        requests.push(...newSubnet(table, name, address));
      }
      for (const address of addresses) {
        const map = mapFor(table, address);
        const key = keyOf(address);
        // Whoever had the address before and was never deleted.
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

function newBase(name: Named): Request[] {
  const [pods4, pods6] = MAPS;
  const table = inTable(name);
  const chain = POSTROUTING;
  return [
    newTable({ ...tableRef(name), exclusive: true }),
    newSet({ ...table, name: pods4, key: 'ipv4_addr', data: 'verdict', id: 1 }),
    newSet({ ...table, name: pods6, key: 'ipv6_addr', data: 'verdict', id: 2 }),
    newChain({ ...table, name: chain, hook: { type: 'nat', hook: 'postrouting', priority: 100 } }),
    newRule({ ...table, chain, expressions: verdictMap(['ip saddr'], pods4) }),
    newRule({ ...table, chain, expressions: verdictMap(['ip6 saddr'], pods6) }),
  ];
}

function delBase(name: Named): Request[] {
  const table = inTable(name);
  return [
    delRule({ ...table, chain: POSTROUTING }),
    delChain({ ...table, name: POSTROUTING }),
    ...MAPS.map((map) => delSet({ ...table, name: map })),
    delTable({ ...tableRef(name), ifEmpty: true }),
  ];
}

function newSubnet(name: Named, chain: string, address: string): Request[] {
  const spared = [subnetOf(address), isIPv6(address) ? 'ff00::/8' : '224.0.0.0/4'];
  const table = inTable(name);
  return [
    newChain({ ...table, name: chain, exclusive: true }),
    ...spared.map((prefix) =>
      newRule({ ...table, chain, expressions: [...destination(prefix), ...accept()] }),
    ),
    newRule({ ...table, chain, expressions: masquerade() }),
  ];
}

/**
 * Takes back what was made for an attachment, and a subnet's chain and the table with the last that needed them.
 *
 * @param addresses that it may have, with or without prefix length; undefined when they are not known, and then those
 *   of every pod of the network are looked at
 */
export function masqueradeRemoval(
  tables: Tables,
  owner: Owner,
  addresses: readonly string[] | undefined,
): Change[] {
  const comment = ownerText(owner);
  const isOwn = (element: SetElement | undefined): element is SetElement => element?.comment === comment;
  return tablesFor(tables, owner.network).map((table) =>
    removal(table, (nft, name) => {
      const map = { ...inTable(table), name };
      if (addresses === undefined) {
        return elementsOf(nft, map).filter(isOwn);
      }
      return addresses
        .filter((address) => mapFor(table, address).name === name)
        .map((address) => nft.element(map, keyOf(address)))
        .filter(isOwn);
    }),
  );
}

/** Takes back what was made for attachments to the network that are not to be kept. */
export function masqueradeCollection(
  tables: Tables,
  nft: NftConnection,
  network: string,
  keep: readonly Omit<Owner, 'network'>[],
): Change[] {
  const kept = new Set(keep.map((one) => ownerText({ network, ...one })));
  const isStale = ({ comment }: SetElement) =>
    comment !== undefined && belongsTo(comment, network) && !kept.has(comment);
  const chains = nft.chains({ family: FAMILY });
  return tablesFor(tables, network).map((table) => {
    const subnets = chains
      .filter((chain) => chain.table === table)
      .map(({ name = '' }) => name)
      .filter((name) => name.startsWith(SUBNET_PREFIX));
    const find = (_: NftConnection, name: string) =>
      elementsOf(nft, { ...inTable(table), name }).filter(isStale);
    return removal(table, find, subnets, true);
  });
}

/** The tables in which the network may have pods. */
function tablesFor(tables: Tables, network: string): Named[] {
  return [tableOf(network), COMMON_TABLE].filter((name) => tables.has(`${FAMILY} ${name}`));
}

/** What is missing of an attachment's, in words. */
export function masqueradeDifferences(
  nft: NftConnection,
  owner: Owner,
  addresses: readonly string[],
): string[] {
  const found = [tableOf(owner.network), COMMON_TABLE].map((table) =>
    differencesIn(nft, table, owner, addresses),
  );
  return found.find(({ length }) => length === 0) ?? found[0] ?? [];
}

function differencesIn(
  nft: NftConnection,
  table: Named,
  owner: Owner,
  addresses: readonly string[],
): string[] {
  const comment = ownerText(owner);
  const rulesOf = (chain: string) => nft.rules({ ...inTable(table), chain }).length;
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
 * Removes elements, and the chains that nothing leads to then: in one transaction, so that a process that is killed
 * leaves all or nothing. A pod that comes into the subnet meanwhile, or another DEL, makes it look again.
 *
 * @param known chains that nothing may lead to already
 * @param idleTable whether the table may be without a subnet already
 */
function removal(
  table: Named,
  find: (nft: NftConnection, map: string) => SetElement[],
  known: readonly string[] = [],
  idleTable = false,
): Change {
  const chains = new Set(known);
  const useOf = (nft: NftConnection, name: string) => nft.chain({ ...inTable(table), name })?.use;
  let idle: string[] = [];
  let last = false;
  return {
    requests(nft) {
      const requests: Request[] = [];
      const leading: string[] = [];
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
        return useOf(nft, name) === SUBNET_RULES + own;
      });
      for (const name of idle) {
        requests.push(delRule({ ...inTable(table), chain: name }), delChain({ ...inTable(table), name }));
      }
      last = (idle.length > 0 || idleTable) && nft.table(tableRef(table))?.use === TABLE_USE + idle.length;
      if (last) {
        requests.push(...delBase(table));
      }
      return requests;
    },
    more(nft) {
      // Of several that leave a subnet at once each saw the others; the last sees nobody.
      const crowded = [...chains].filter((name) => !idle.includes(name));
      if (crowded.some((name) => useOf(nft, name) === SUBNET_RULES)) {
        return true;
      }
      if (idle.length > 0 && !last) {
        removeIfEmpty(nft, table);
      }
      return false;
    },
  };
}

/** Removes the table when no subnet is in it. */
function removeIfEmpty(nft: NftConnection, table: Named): void {
  if (nft.table(tableRef(table))?.use !== TABLE_USE) {
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
