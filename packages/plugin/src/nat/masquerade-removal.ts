/** Removal of masquerading from nftables, at DEL and GC. masquerade-nftables.ts describes the tables. */
import type { Request } from '@cnikit/netlink';
import {
  delChain,
  delElements,
  delRule,
  delSet,
  delTable,
  type NftConnection,
  type SetElement,
} from '@cnikit/netlink/nftables';
import {
  FAMILY,
  inTable,
  keyOf,
  MAPS,
  mapName,
  POSTROUTING,
  rulesIn,
  SUBNET_PREFIX,
  SUBNET_RULES,
  tableOf,
  tableRef,
} from './masquerade-nftables.ts';
import { elementsOf, isRace, type Tables } from './nftables.ts';
import { belongsTo, type Owner, ownerText } from './owner.ts';
import type { Change } from './transaction.ts';

/** Value of `use` of a table without subnets: its own chain and maps. */
const EMPTY_TABLE_USE = 3;

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
  const find = (nft: NftConnection, name: string) => {
    const map = { ...inTable(table), name };
    if (addresses === undefined) {
      return leading(elementsOf(nft, map).filter((element) => element.comment === comment));
    }
    const own: Leading[] = [];
    for (const address of addresses) {
      if (mapName(address) === name) {
        const key = keyOf(address);
        const target = nft.elementTarget(map, key);
        if (target?.comment === comment) {
          own.push({ key, chain: target.chain });
        }
      }
    }
    return own;
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
    leading(elementsOf(nft, { ...inTable(table), name }).filter(isStale));
  return [removal(table, find, subnets, true)];
}

/** An element to remove, and the chain that it leads to. */
interface Leading {
  key: Uint8Array;
  chain: string | undefined;
}

const leading = (elements: readonly SetElement[]): Leading[] =>
  elements.map(({ key, verdict }) => ({ key, chain: verdict?.chain }));

function isPresent(tables: Tables, table: string): boolean {
  return tables.has(`${FAMILY} ${table}`);
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
  find: (nft: NftConnection, map: string) => Leading[],
  known: readonly string[] = [],
  idleTable = false,
): Change {
  const chains = new Set(known);
  let isCounted = false;
  /**
   * Number of elements that lead to a chain besides `own`; undefined when it does not exist. Another program may have
   * flushed the table, which leaves elements. The rules are counted once the number without counting was wrong.
   */
  const othersLeadingTo = (nft: NftConnection, name: string, own: number): number | undefined => {
    const use = nft.chainUse({ ...inTable(table), name });
    if (use === undefined) {
      return undefined;
    }
    const rules = isCounted || use < own + SUBNET_RULES ? rulesIn(nft, table, name) : SUBNET_RULES;
    return use - rules - own;
  };
  let idle: string[] = [];
  let last = false;
  return {
    requests(nft, attempt) {
      const requests: Request[] = [];
      const targets: string[] = [];
      isCounted = attempt > 1;
      for (const name of MAPS) {
        const stale = find(nft, name);
        const keys = stale.map(({ key }) => ({ key }));
        if (keys.length > 0) {
          requests.push(delElements({ ...inTable(table), name }, keys));
        }
        targets.push(...stale.map(({ chain = '' }) => chain));
      }
      for (const name of targets) {
        chains.add(name);
      }
      idle = [...chains].filter((name) => {
        const own = targets.filter((one) => one === name).length;
        return othersLeadingTo(nft, name, own) === 0;
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
      if (crowded.some((name) => othersLeadingTo(nft, name, 0) === 0)) {
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

function delBase(name: string): Request[] {
  const table = inTable(name);
  return [
    delRule({ ...table, chain: POSTROUTING }),
    delChain({ ...table, name: POSTROUTING }),
    ...MAPS.map((map) => delSet({ ...table, name: map })),
    delTable({ ...tableRef(name), ifEmpty: true }),
  ];
}
