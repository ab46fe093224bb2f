/** Removal of host ports from nftables, at DEL and GC. */
import type { Request } from '@cnikit/netlink';
import { delChain, delElements, delRule, type NftConnection } from '@cnikit/netlink/nftables';
import type { HostPort } from '../../nat/host-port.ts';
import { elementsOf, isRace, type Tables } from '../../nat/nftables.ts';
import { belongsTo, type Owner, ownerText } from '../../nat/owner.ts';
import { type Change, commitTogether } from '../../nat/transaction.ts';
import {
  delWholeTable,
  EMPTY_TABLE_USE,
  elementKey,
  elementOfKey,
  hostPortOf,
  IN_TABLE,
  inMap,
  isOldComment,
  MAPS,
  MARK_PREFIX,
  markChain,
  POD_PREFIX,
  type PortMapElement,
  parseElementComment,
  podChain,
  TABLE,
} from './nft-table.ts';
import { takeOverTable } from './nft-takeover.ts';

/** The elements that lead to a pod's chain, and the requests that remove it: first the elements, then the chain. */
export interface PodRemoval {
  elements: PortMapElement[];
  elementRequests: Request[];
  requests: Request[];
}

export function podRemoval(nft: NftConnection, chain: string): PodRemoval {
  const comments = nft.ruleComments({ ...IN_TABLE, chain });
  if (comments.length === 0) {
    return flushedPodRemoval(nft, chain);
  }
  if (comments.some(isOldComment)) {
    takeOverTable(nft);
  }
  const elements: PortMapElement[] = [];
  const elementRequests: Request[] = [];
  for (const comment of comments) {
    const element = parseElementComment(comment);
    if (element === undefined) {
      continue;
    }
    elements.push(element);
    const map = inMap(element.map);
    const key = elementKey(element);
    if (nft.elementTarget(map, key)?.chain === chain) {
      elementRequests.push(delElements(map, [{ key }]));
    }
  }
  return {
    elements,
    elementRequests,
    requests: [...elementRequests, delRule({ ...IN_TABLE, chain }), delChain({ ...IN_TABLE, name: chain })],
  };
}

/**
 * Removes a chain whose rules another program has flushed, so that they name no elements. A chain is created and removed
 * together with its rules, so without rules there is usually no chain.
 */
function flushedPodRemoval(nft: NftConnection, chain: string): PodRemoval {
  if (nft.chainUse({ ...IN_TABLE, name: chain }) === undefined) {
    return { elements: [], elementRequests: [], requests: [] };
  }
  const leading = MAPS.flatMap((map) =>
    elementsOf(nft, inMap(map))
      .filter(({ verdict }) => verdict?.chain === chain)
      .map(({ key }) => ({ map, key })),
  );
  const elementRequests = leading.map(({ map, key }) => delElements(inMap(map), [{ key }]));
  return {
    elements: leading.map(({ map, key }) => elementOfKey(map, key)),
    elementRequests,
    requests: [...elementRequests, delChain({ ...IN_TABLE, name: chain })],
  };
}

/** Receives the UDP ports whose elements were removed, while the pod's chain still exists. */
export type Between = (ports: readonly HostPort[]) => void;

/**
 * Removes the ports of an attachment, and the table with the last attachment. UDP ports are removed in two steps, with
 * `between` in the middle: the chain still exists then, so the next DEL finds it if this process is killed there.
 */
export function portsRemoval(tables: Tables, owner: Owner, mark: number, between: Between): Change[] {
  return tables.has(`${TABLE.family} ${TABLE.name}`) ? [chainRemoval(podChain(owner), mark, between)] : [];
}

function chainRemoval(chain: string, mark: number, between: Between): Change {
  let udp: PortMapElement[] = [];
  let isForgotten = false;
  let last = false;
  return {
    requests(nft) {
      const { elements, elementRequests, requests } = podRemoval(nft, chain);
      udp = isForgotten ? [] : elements.filter((one) => one.protocol === 'udp');
      if (udp.length > 0) {
        return elementRequests;
      }
      const others = requests.length === 0 ? undefined : otherChainsOfLastPod(nft, mark);
      last = others !== undefined;
      return others ? [...elementRequests, ...delWholeTable([...others, chain])] : requests;
    },
    more(nft) {
      if (udp.length > 0) {
        between(udp.map(hostPortOf));
        isForgotten = true;
        return true;
      }
      if (!last) {
        removeTableIfEmpty(nft);
      }
      return false;
    },
  };
}

/** The chains of the table besides the pod's; undefined when it has other pods, or masquerade chains of other marks. */
function otherChainsOfLastPod(nft: NftConnection, mark: number): string[] | undefined {
  const use = nft.tableUse(TABLE);
  if (use === EMPTY_TABLE_USE + 2 && nft.chainUse({ ...IN_TABLE, name: markChain(mark) }) !== undefined) {
    return [markChain(mark)];
  }
  return use === EMPTY_TABLE_USE + 1 ? [] : undefined;
}

function removeTableIfEmpty(nft: NftConnection): void {
  const use = nft.tableUse(TABLE);
  // A table with several masquerade chains stays until GC: listing chains at each DEL would cost too much.
  if (use !== undefined && use <= EMPTY_TABLE_USE + 1) {
    removeTableWithoutPods(nft);
  }
}

function removeTableWithoutPods(nft: NftConnection): void {
  const chains = chainsOf(nft);
  if (chains.length === 0 || chains.some((name) => name.startsWith(POD_PREFIX))) {
    return;
  }
  try {
    nft.commit(delWholeTable(chains.filter((name) => name.startsWith(MARK_PREFIX))));
  } catch (error) {
    // Another process has added a pod.
    if (!isRace(error)) {
      throw error;
    }
  }
}

const chainsOf = (nft: NftConnection): string[] =>
  nft.chains({ family: TABLE.family, table: TABLE.name }).map(({ name = '' }) => name);

/** Returns the comments of all attachments that have ports. */
export function mappedPods(nft: NftConnection): string[] {
  takeOverTable(nft);
  const elements = MAPS.flatMap((name) => elementsOf(nft, inMap(name)));
  return [...new Set(elements.flatMap(({ comment }) => comment ?? []))];
}

/** Removes the ports of this network's attachments that are not in `keep`, and chains that an interrupted DEL left. */
export function collectPorts(
  nft: NftConnection,
  network: string,
  keep: readonly Omit<Owner, 'network'>[],
  mark: number,
  between: Between,
): void {
  takeOverTable(nft);
  const kept = new Set(keep.map((one) => ownerText({ network, ...one })));
  const live = new Set<string>();
  for (const { comment, verdict } of MAPS.flatMap((name) => elementsOf(nft, inMap(name)))) {
    const isStale = comment !== undefined && belongsTo(comment, network) && !kept.has(comment);
    if (!isStale && verdict?.chain !== undefined) {
      live.add(verdict.chain);
    }
  }
  const stale = chainsOf(nft).filter((name) => name.startsWith(POD_PREFIX) && !live.has(name));
  commitTogether(
    nft,
    stale.map((name) => chainRemoval(name, mark, between)),
  );
  removeTableWithoutPods(nft);
}
