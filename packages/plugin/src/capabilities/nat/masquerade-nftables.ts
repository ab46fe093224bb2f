/**
 * Masquerading by nftables. A map leads from each pod's address to the chain of its subnet, so that a packet, an ADD
 * and a DEL cost the same however many pods there are:
 *
 *     table inet cnikit_masquerade {
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
import { isIPv6, knownPrefix, subnetOf } from '../prefix.ts';
import { isRace } from './nftables.ts';
import { belongsTo, type Owner, ownerText } from './owner.ts';

const TABLE = { family: 'inet', name: 'cnikit_masquerade' } as const;
const IN = { family: 'inet', table: TABLE.name } as const;
const PODS4 = { ...IN, name: 'pods4' } as const;
const PODS6 = { ...IN, name: 'pods6' } as const;
const POSTROUTING = 'postrouting';
/** Chains and maps of a table without subnets, rules of a subnet's chain. */
const TABLE_USE = 3;
const SUBNET_RULES = 3;
const SUBNET_PREFIX = 'subnet-';
const ATTEMPTS = 100;

const MAPS = [PODS4, PODS6] as const;
type Pods = (typeof MAPS)[number];

const podsOf = (address: string): Pods => (isIPv6(address) ? PODS6 : PODS4);
const keyOf = (address: string) => knownPrefix(address).address;

/** The chain of an address's subnet. Words of `nft` have no colon. */
function chainOf(address: string): string {
  return SUBNET_PREFIX + subnetOf(address).replaceAll(':', '_');
}

/** Has what the addresses send beyond their subnets masqueraded. They have prefix lengths, here and below. */
export function masqueradeByNftables(nft: NftConnection, owner: Owner, addresses: readonly string[]): void {
  const comment = ownerText(owner);
  for (let attempt = 1; ; attempt++) {
    const chains = new Map(addresses.map((address) => [chainOf(address), address]));
    for (const name of chains.keys()) if (nft.chain({ ...IN, name })) chains.delete(name);
    const requests: Request[] = [];
    if (chains.size > 0 && nft.table(TABLE) === undefined) requests.push(...newBase());
    for (const [name, address] of chains) requests.push(...newSubnet(name, address));
    for (const address of addresses) {
      const key = keyOf(address);
      // Whoever had the address before and was never deleted.
      if (attempt > 1 && nft.element(podsOf(address), key))
        requests.push(delElements(podsOf(address), [{ key }]));
      const verdict = { code: NFT_GOTO, chain: chainOf(address) };
      requests.push(newElements({ ...podsOf(address), exclusive: true }, [{ key, verdict, comment }]));
    }
    try {
      nft.commit(requests);
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !isRace(error)) throw error;
    }
  }
}

function newBase(): Request[] {
  return [
    newTable({ ...TABLE, exclusive: true }),
    newSet({ ...PODS4, key: 'ipv4_addr', data: 'verdict', id: 1 }),
    newSet({ ...PODS6, key: 'ipv6_addr', data: 'verdict', id: 2 }),
    newChain({ ...IN, name: POSTROUTING, hook: { type: 'nat', hook: 'postrouting', priority: 100 } }),
    newRule({ ...IN, chain: POSTROUTING, expressions: verdictMap(['ip saddr'], PODS4.name) }),
    newRule({ ...IN, chain: POSTROUTING, expressions: verdictMap(['ip6 saddr'], PODS6.name) }),
  ];
}

function delBase(): Request[] {
  return [
    delRule({ ...IN, chain: POSTROUTING }),
    delChain({ ...IN, name: POSTROUTING }),
    delSet(PODS4),
    delSet(PODS6),
    delTable({ ...TABLE, ifEmpty: true }),
  ];
}

function newSubnet(name: string, address: string): Request[] {
  const spared = [subnetOf(address), isIPv6(address) ? 'ff00::/8' : '224.0.0.0/4'];
  return [
    newChain({ ...IN, name, exclusive: true }),
    ...spared.map((prefix) =>
      newRule({ ...IN, chain: name, expressions: [...destination(prefix), ...accept()] }),
    ),
    newRule({ ...IN, chain: name, expressions: masquerade() }),
  ];
}

/**
 * Takes back what was made for an attachment, and a subnet's chain and the table with the last that needed them.
 *
 * @param addresses that it may have, with or without prefix length; undefined when they are not known, and then those
 *   of every pod are looked at
 */
export function unmasqueradeByNftables(
  nft: NftConnection,
  owner: Owner,
  addresses: readonly string[] | undefined,
): void {
  const comment = ownerText(owner);
  remove(nft, (pods) => {
    if (addresses === undefined)
      return elementsOf(nft, pods).filter((element) => element.comment === comment);
    return addresses
      .filter((address) => podsOf(address) === pods)
      .map((address) => nft.element(pods, keyOf(address)))
      .filter((element) => element?.comment === comment)
      .filter((element) => element !== undefined);
  });
}

/** Takes back what was made for attachments to the network that are not to be kept. */
export function collectMasqueradeOfNftables(
  nft: NftConnection,
  network: string,
  keep: readonly Omit<Owner, 'network'>[],
): void {
  const kept = new Set(keep.map((one) => ownerText({ network, ...one })));
  const isStale = ({ comment }: SetElement) =>
    comment !== undefined && belongsTo(comment, network) && !kept.has(comment);
  const chains = nft
    .chains({ family: TABLE.family, table: TABLE.name })
    .map(({ name = '' }) => name)
    .filter((name) => name.startsWith(SUBNET_PREFIX));
  remove(nft, (pods) => elementsOf(nft, pods).filter(isStale), chains);
  removeIfEmpty(nft);
}

/** What is missing of an attachment's, in words. */
export function masqueradeDifferences(
  nft: NftConnection,
  owner: Owner,
  addresses: readonly string[],
): string[] {
  const comment = ownerText(owner);
  const rulesOf = (chain: string) => nft.rules({ ...IN, chain }).length;
  const differences = rulesOf(POSTROUTING) < MAPS.length ? [`rules are missing in chain ${POSTROUTING}`] : [];
  for (const address of addresses) {
    if (nft.element(podsOf(address), keyOf(address))?.comment !== comment)
      differences.push(`${address} is not masqueraded`);
    else if (rulesOf(chainOf(address)) < SUBNET_RULES)
      differences.push(`rules are missing in chain ${chainOf(address)}`);
  }
  return differences;
}

function elementsOf(nft: NftConnection, pods: Pods): SetElement[] {
  return nft.table(TABLE) === undefined ? [] : nft.elements(pods);
}

/**
 * Removes elements, and the chains that nothing leads to then: in one transaction, so that a process that is killed
 * leaves all or nothing. A pod that comes into the subnet meanwhile, or another DEL, makes it look again.
 */
function remove(nft: NftConnection, find: (pods: Pods) => SetElement[], known: readonly string[] = []): void {
  const chains = new Set(known);
  const useOf = (name: string) => nft.chain({ ...IN, name })?.use;
  for (let attempt = 1; ; attempt++) {
    const requests: Request[] = [];
    const leading: string[] = [];
    for (const pods of MAPS) {
      const stale = find(pods);
      if (stale.length > 0)
        requests.push(
          delElements(
            pods,
            stale.map(({ key }) => ({ key })),
          ),
        );
      leading.push(...stale.map(({ verdict }) => verdict?.chain ?? ''));
    }
    for (const name of leading) chains.add(name);
    const idle = [...chains].filter((name) => {
      const own = leading.filter((one) => one === name).length;
      return useOf(name) === SUBNET_RULES + own;
    });
    for (const name of idle) requests.push(delRule({ ...IN, chain: name }), delChain({ ...IN, name }));
    if (idle.length > 0 && nft.table(TABLE)?.use === TABLE_USE + idle.length) requests.push(...delBase());
    try {
      nft.commit(requests);
    } catch (error) {
      if (attempt === ATTEMPTS || !isRace(error)) throw error;
      continue;
    }
    // Of several that leave a subnet at once each saw the others; the last sees nobody.
    const crowded = [...chains].filter((name) => !idle.includes(name));
    if (crowded.some((name) => useOf(name) === SUBNET_RULES)) continue;
    if (idle.length > 0) removeIfEmpty(nft);
    return;
  }
}

/** Removes the table when no subnet is in it. */
function removeIfEmpty(nft: NftConnection): void {
  if (nft.table(TABLE)?.use !== TABLE_USE) return;
  try {
    nft.commit(delBase());
  } catch (error) {
    if (!isRace(error)) throw error;
  }
}
