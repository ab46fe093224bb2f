/**
 * `macspoofchk`: drops frames of a pod that have another source MAC address, with upstream's nftables rules:
 *
 *     table bridge nat {
 *       chain PREROUTING { type filter hook prerouting priority dstnat; iifname "veth…" jump cni-br-iface-4f1c-eth0 }
 *       chain cni-br-iface-4f1c-eth0 { jump cni-br-iface-4f1c-eth0-mac }
 *       chain cni-br-iface-4f1c-eth0-mac { ether saddr 02:00:5e:10:00:01 return; drop }
 *     }
 *
 * Other programs may use the table and its first chain too. The last pod removes them only if the table's comment says
 * that cnikit created the table.
 */

import { CniError, ErrorCode } from '@cnikit/cni-spec';
import type { Request } from '@cnikit/netlink';
import {
  delChain,
  delRule,
  delTable,
  type NftConnection,
  type NftRule,
  newChain,
  newRule,
  newTable,
} from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import type { Sys } from '@cnikit/sys';
import { digest } from '#digest';
import { hostVethName, hostVethPrefix } from '../../links/names.ts';
import {
  isRace,
  isWithoutNftables,
  ruleTarget,
  type Tables,
  whereNftables,
  withNftables,
} from '../../nat/nftables.ts';
import { commitTogether } from '../../nat/transaction.ts';

const TABLE = { family: 'bridge', name: 'nat' } as const;
const IN = { family: 'bridge', table: TABLE.name } as const;
const PREROUTING = 'PREROUTING';
const PRIORITY = -300;
const PREFIX = 'cni-br-iface-';
/** Maximum length of a comment. */
const LONGEST = 100;
/** Comment of a table that cnikit created. A table of another program never gets it. */
const OURS = 'cnikit';
/** Number of chains in a table with one pod. */
const LAST_USE = 3;

/** The chains and the comment of an attachment. */
interface Names {
  own: string;
  mac: string;
  comment: string;
}

function namesOf(containerID: string, ifName: string): Names {
  const text = `${containerID}-${ifName}`;
  const id = text.length <= LONGEST ? text : digest(text, 12);
  return { own: PREFIX + id, mac: `${PREFIX}${id}-mac`, comment: `macspoofchk-${id}` };
}

/** The port whose frames are checked. */
export interface CheckedPort {
  containerID: string;
  ifName: string;
  hostName: string;
  mac: string;
}

/**
 * Drops frames from the port unless they have the given source MAC address.
 *
 * @throws {CniError} 2 when the kernel has no nftables for bridges
 */
export function checkSpoofing(sys: Sys, { containerID, ifName, hostName, mac }: CheckedPort): void {
  const names = namesOf(containerID, ifName);
  const { comment } = names;
  const rule = (chain: string, expressions: Parameters<typeof newRule>[0]['expressions']) =>
    newRule({ ...IN, chain, expressions, comment });
  try {
    withNftables(sys, (nft) =>
      nft.commit([
        ...removal(nft, names.own),
        newTable({ ...TABLE, comment: OURS }),
        newChain({
          ...IN,
          name: PREROUTING,
          hook: { type: 'filter', hook: 'prerouting', priority: PRIORITY },
        }),
        newChain({ ...IN, name: names.own }),
        newChain({ ...IN, name: names.mac }),
        rule(names.mac, [...expr.etherSource(mac), ...expr.returnBack()]),
        rule(names.mac, expr.drop()),
        rule(names.own, expr.jump(names.mac)),
        rule(PREROUTING, [...expr.inputInterface(hostName), ...expr.jump(names.own)]),
      ]),
    );
  } catch (error) {
    if (!isWithoutNftables(error)) {
      throw error;
    }
    throw new CniError(
      ErrorCode.UnsupportedField,
      'Unsupported field macspoofchk: true',
      'This kernel has no nftables for bridges: it lacks CONFIG_NF_TABLES_BRIDGE',
      { cause: error },
    );
  }
}

/** Returns true when attachments may have rules. */
export function hasSpoofChecks(tables: Tables): boolean {
  return tables.has(`${TABLE.family} ${TABLE.name}`);
}

/** Removes the rules of an attachment. */
export function uncheckSpoofing(
  sys: Sys,
  { containerID, ifName }: Omit<CheckedPort, 'hostName' | 'mac'>,
): void {
  whereNftables(sys, (nft) => remove(nft, namesOf(containerID, ifName).own));
}

/** Removes the rules of this network's attachments that are not listed. */
export function collectSpoofChecks(
  sys: Sys,
  network: string,
  valid: readonly { containerID: string; ifname: string }[] | undefined,
): void {
  if (valid === undefined) {
    return;
  }
  const keep = new Set(valid.map((one) => hostVethName(network, one.containerID, one.ifname)));
  const prefix = hostVethPrefix(network);
  whereNftables(sys, (nft) => {
    for (const rule of entries(nft)) {
      const chain = ruleTarget(rule);
      const port = inputOf(rule);
      // The port's name identifies the network; names of upstream do not.
      if (chain?.startsWith(PREFIX) && port?.startsWith(prefix) && !keep.has(port)) {
        remove(nft, chain);
      }
    }
  });
}

/** Lists what an attachment's rules lack. */
export function spoofCheckDifferences(sys: Sys, containerID: string, ifName: string): string[] {
  const { own, mac } = namesOf(containerID, ifName);
  const complete = whereNftables(
    sys,
    (nft) =>
      jumpsTo(own, entries(nft)).length > 0 &&
      nft.rules({ ...IN, chain: own }).length > 0 &&
      nft.rules({ ...IN, chain: mac }).length > 1,
  );
  return complete ? [] : [`rules of macspoofchk are missing in chain ${own}`];
}

function remove(nft: NftConnection, chain: string): void {
  let last = false;
  commitTogether(nft, [
    {
      requests(nft) {
        const requests = removal(nft, chain);
        const isAlone = () => entries(nft).every((rule) => ruleTarget(rule) === chain);
        last = requests.length > 0 && isOurs(nft, LAST_USE) && isAlone();
        return last ? [...requests, ...baseRemoval()] : requests;
      },
      more(nft) {
        // Attachments that leave at the same time each saw the others.
        if (!last && isOurs(nft, 1)) {
          removeBase(nft);
        }
        return false;
      },
    },
  ]);
}

function isOurs(nft: NftConnection, use: number): boolean {
  const table = nft.table(TABLE);
  return table?.comment === OURS && table.use === use;
}

/** Requests that remove the table. The kernel refuses them while the table has another chain, or the chain another rule. */
function baseRemoval(): Request[] {
  return [delChain({ ...IN, name: PREROUTING, ifEmpty: true }), delTable({ ...TABLE, ifEmpty: true })];
}

function removeBase(nft: NftConnection): void {
  if (entries(nft).length > 0) {
    return;
  }
  try {
    nft.commit(baseRemoval());
  } catch (error) {
    // Another process has added a pod.
    if (!isRace(error)) {
      throw error;
    }
  }
}

/** Returns the requests that remove an attachment's chains; empty when the chains do not exist. */
function removal(nft: NftConnection, chain: string): Request[] {
  if (nft.chain({ ...IN, name: chain }) === undefined) {
    return [];
  }
  return [
    ...jumpsTo(chain, entries(nft)).map(({ handle = 0 }) => delRule({ ...IN, chain: PREROUTING, handle })),
    ...[chain, `${chain}-mac`].flatMap((name) => [
      delRule({ ...IN, chain: name }),
      delChain({ ...IN, name }),
    ]),
  ];
}

const entries = (nft: NftConnection): NftRule[] => nft.rules({ ...IN, chain: PREROUTING });

function jumpsTo(chain: string, rules: readonly NftRule[]): NftRule[] {
  return rules.filter((rule) => ruleTarget(rule) === chain);
}

/** Returns the interface name that a rule matches; these rules match it first. */
function inputOf({ expressions }: NftRule): string | undefined {
  for (const one of expressions) {
    if (one.name === 'cmp' && one.data) {
      return String.fromCharCode(...one.data.filter((byte) => byte !== 0));
    }
  }
  return undefined;
}
