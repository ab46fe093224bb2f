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
 * present state first, and a refusal means that another process changed it in between. Only the chain of a subnet with
 * several addresses is assumed to exist if the table does: it is missing for the first pod of a second subnet.
 */
import { formatPrefix, network } from '@cnikit/ip';
import type { Request } from '@cnikit/netlink';
import {
  delElements,
  delRule,
  NFT_GOTO,
  type NftConnection,
  newChain,
  newElements,
  newRule,
  newSet,
  newTable,
  type SetRef,
} from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import { digest } from '#digest';
import { isIPv6, knownPrefix } from '../lib/prefix.ts';
import { type Owner, ownerText } from './owner.ts';
import type { Change } from './transaction.ts';

export const FAMILY = 'inet';
export const TABLE_PREFIX = 'cnikit_masquerade_';
const MAX_NETWORK_NAME = 64;
export const MAPS = ['pods4', 'pods6'] as const;
export const POSTROUTING = 'postrouting';
/** Number of rules in a subnet's chain. */
export const SUBNET_RULES = 3;
export const SUBNET_PREFIX = 'subnet-';

/** The name of a network's table. A digest starts with an underscore, as no network name does. */
export function tableOf(network: string): string {
  return TABLE_PREFIX + (network.length <= MAX_NETWORK_NAME ? network : `_${digest(network, 12)}`);
}

export const tableRef = (name: string) => ({ family: FAMILY, name }) as const;
export const inTable = (table: string) => ({ family: FAMILY, table }) as const;
/** The map of an address. */
export const mapName = (address: string) => MAPS[isIPv6(address) ? 1 : 0];
const mapFor = (table: string, address: string) => ({ ...inTable(table), name: mapName(address) });
export const keyOf = (address: string) => knownPrefix(address).address;

/** The chain of a subnet; `nft` accepts no colon in a name. */
const chainOf = (subnet: string): string => SUBNET_PREFIX + subnet.replaceAll(':', '_');

/** An address and what leads packets from it to the chain of its subnet. */
interface MaskedAddress {
  subnet: string;
  /** True when the subnet has no other address. */
  isAlone: boolean;
  map: SetRef;
  key: Uint8Array;
  chain: string;
}

function maskedAddress(table: string, text: string): MaskedAddress {
  const { address: key, length } = knownPrefix(text);
  const subnet = formatPrefix(network(key, length));
  const isAlone = length === 8 * key.length;
  return { subnet, isAlone, map: mapFor(table, text), key, chain: chainOf(subnet) };
}

/** Masquerades packets from the addresses to destinations outside of their subnets. All addresses have prefix lengths. */
export function masqueradeChange(owner: Owner, addresses: readonly string[]): Change {
  const comment = ownerText(owner);
  const table = tableOf(owner.network);
  const pods = addresses.map((address) => maskedAddress(table, address));
  /** The subnets, each with an address. */
  const subnets: MaskedAddress[] = [];
  for (const pod of pods) {
    if (!subnets.some(({ chain }) => chain === pod.chain)) {
      subnets.push(pod);
    }
  }
  return {
    chains: [{ family: FAMILY, table, name: POSTROUTING }],
    requests(nft, attempt, [base]) {
      // Another program may have flushed the table, which leaves its chains and maps.
      const isDoubtful = base !== undefined && (attempt > 1 || base < MAPS.length);
      const requests: Request[] = base === undefined ? newBase(table) : [];
      if (isDoubtful && rulesIn(nft, table, POSTROUTING) < MAPS.length) {
        requests.push(delRule({ ...inTable(table), chain: POSTROUTING }), ...baseRules(table));
      }
      for (const { subnet, isAlone, chain } of subnets) {
        const isAssumed = attempt === 1 && !isAlone;
        const exists = () => isAssumed || nft.chainUse({ ...inTable(table), name: chain }) !== undefined;
        if (base === undefined || !exists()) {
          requests.push(
            newChain({ ...inTable(table), name: chain, exclusive: true }),
            ...subnetRules(table, chain, subnet),
          );
        } else if (isDoubtful && rulesIn(nft, table, chain) < SUBNET_RULES) {
          requests.push(delRule({ ...inTable(table), chain }), ...subnetRules(table, chain, subnet));
        }
      }
      for (const { map, key, chain } of pods) {
        // The previous owner of the address was never deleted.
        if (attempt > 1 && nft.elementTarget(map, key)) {
          requests.push(delElements(map, [{ key }]));
        }
        const verdict = { code: NFT_GOTO, chain };
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

export const rulesIn = (nft: NftConnection, table: string, chain: string): number =>
  nft.rules({ ...inTable(table), chain }).length;

function subnetRules(name: string, chain: string, subnet: string): Request[] {
  const spared = [subnet, isIPv6(subnet) ? 'ff00::/8' : '224.0.0.0/4'];
  const table = inTable(name);
  return [
    ...spared.map((prefix) =>
      newRule({ ...table, chain, expressions: [...expr.destination(prefix), ...expr.accept()] }),
    ),
    newRule({ ...table, chain, expressions: expr.masquerade() }),
  ];
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
    const { map, key, chain } = maskedAddress(table, address);
    if (nft.elementTarget(map, key)?.comment !== comment) {
      differences.push(`${address} is not masqueraded`);
    } else if (rulesOf(chain) < SUBNET_RULES) {
      differences.push(`rules are missing in chain ${chain}`);
    }
  }
  return differences;
}
