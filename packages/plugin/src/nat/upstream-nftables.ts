/**
 * Removal of nftables rules in upstream's tables. Upstream (since 1.7) creates them, and so does cnikit when the
 * configuration names the backend nftables. A pod's rules are found by their comment. The chains stay.
 */
import { parseAddress } from '@cnikit/ip';
import { delRule, type NfFamily, type NftRule } from '@cnikit/netlink/nftables';
import { sha512 } from '@cnikit/sys/internal';
import type { Tables } from './nftables.ts';
import type { Owner } from './owner.ts';
import type { Change } from './transaction.ts';

interface Chain {
  family: NfFamily;
  table: string;
  chain: string;
}

/** Chains of one table, which `key` names among `Tables`. */
interface Table {
  key: string;
  chains: readonly Chain[];
}

function tableKey({ family, table }: Omit<Chain, 'chain'>): string {
  return `${family} ${table}`;
}

/** The chain with a masquerade rule for each address. */
export const MASQUERADE = {
  family: 'inet',
  table: 'cni_plugins_masquerade',
  chain: 'masq_checks',
} as const satisfies Chain;
/** The table of host ports in each family. */
export const HOST_PORT_TABLE = 'cni_hostport';
const MASQUERADE_TABLES: readonly Table[] = [{ key: tableKey(MASQUERADE), chains: [MASQUERADE] }];
const PORT_TABLES = (['ip', 'ip6'] as const).map((family): Table => {
  const chains = ['hostports', 'hostip_hostports', 'masquerading'].map(
    (chain): Chain => ({ family, table: HOST_PORT_TABLE, chain }),
  );
  return { key: tableKey({ family, table: HOST_PORT_TABLE }), chains };
});
const HASH_LENGTH = 16;

const hash = (text: string): string => sha512(text).slice(0, HASH_LENGTH);

/** Returns the prefix of the comments of a network's masquerade rules. */
const ofNetwork = (network: string): string => `${hash(network)}-`;

/** Returns the prefix of the comments of an attachment's masquerade rules. */
export const ofAttachment = ({ network, containerID, ifName }: Owner): string =>
  ofNetwork(network) + hash(`${ifName}:${containerID}`);

/** Returns true when a rule compares with the address, which has no prefix length, or translates to it. */
export function hasAddress({ expressions }: NftRule, address: string): boolean {
  const bytes = String(parseAddress(address));
  return expressions.some((one) => 'data' in one && String(one.data) === bytes);
}

/** Removes an attachment's masquerade rules. */
export function upstreamMasqueradeRemoval(tables: Tables, owner: Owner): Change[] {
  return removal(tables, MASQUERADE_TABLES, () => {
    const prefix = ofAttachment(owner);
    return ({ comment }) => comment?.startsWith(prefix) === true;
  });
}

/** Removes the network's masquerade rules, except those of the listed attachments. */
export function upstreamMasqueradeCollection(
  tables: Tables,
  network: string,
  keep: readonly Omit<Owner, 'network'>[],
): Change[] {
  return removal(tables, MASQUERADE_TABLES, () => {
    const all = ofNetwork(network);
    const kept = keep.map((one) => ofAttachment({ network, ...one }));
    return ({ comment = '' }) =>
      comment.startsWith(all) && !kept.some((prefix) => comment.startsWith(prefix));
  });
}

/** Receives the rules that a transaction removes, before the commit. */
type BeforeRuleRemoval = (rules: readonly (NftRule & Chain)[]) => void;

/** Removes a container's port rules, whose comment is the container ID. */
export function upstreamPortsRemoval(
  tables: Tables,
  containerID: string,
  before?: BeforeRuleRemoval,
): Change[] {
  const isOwn = ({ comment }: NftRule) => comment === containerID;
  return removal(tables, PORT_TABLES, () => isOwn, before);
}

/** Removes port rules that lead from a container's comment to an address that the container had. */
export function upstreamPortsCollection(
  tables: Tables,
  held: readonly { containerID: string; address: string }[],
  before?: BeforeRuleRemoval,
): Change[] {
  const which = () => {
    const stale = new Set(held.map(({ containerID, address }) => `${containerID} ${parseAddress(address)}`));
    return ({ comment, expressions }: NftRule) =>
      expressions.some((one) => 'data' in one && stale.has(`${comment} ${one.data}`));
  };
  return removal(tables, PORT_TABLES, which, before);
}

/** Removes the rules that satisfy the predicate of `which`, which is called only if one of the tables exists. */
function removal(
  tables: Tables,
  from: readonly Table[],
  which: () => (rule: NftRule) => boolean | undefined,
  before?: BeforeRuleRemoval,
): Change[] {
  const there = from.filter(({ key }) => tables.has(key));
  if (there.length === 0) {
    return [];
  }
  const wanted = which();
  return [
    {
      requests(nft) {
        const rules = there
          .flatMap(({ chains }) => chains)
          .flatMap((chain) =>
            nft
              .rules(chain)
              .filter(wanted)
              .map((rule) => ({ ...rule, ...chain })),
          );
        before?.(rules);
        return rules.map(({ family, table, chain, handle = 0 }) => delRule({ family, table, chain, handle }));
      },
    },
  ];
}
