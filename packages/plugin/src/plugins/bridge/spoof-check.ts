/**
 * `macspoofchk`: frames of a pod that do not have its MAC address are dropped, by the reference's rules of nftables:
 *
 *     table bridge nat {
 *       chain PREROUTING { type filter hook prerouting priority dstnat; iifname "veth…" jump cni-br-iface-4f1c-eth0 }
 *       chain cni-br-iface-4f1c-eth0 { jump cni-br-iface-4f1c-eth0-mac }
 *       chain cni-br-iface-4f1c-eth0-mac { ether saddr 02:00:5e:10:00:01 return; drop }
 *     }
 *
 * Table and first chain may be somebody else's as well, and stay.
 */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import type { Request } from '@cnikit/netlink';
import {
  delChain,
  delRule,
  drop,
  etherSource,
  inputInterface,
  jump,
  type NftConnection,
  type NftRule,
  newChain,
  newRule,
  newTable,
  returnBack,
} from '@cnikit/netlink/nftables';
import type { Sys } from '@cnikit/sys';
import { digest, hostVethName, hostVethPrefix } from '../../capabilities/names.ts';
import {
  isRace,
  isWithoutNftables,
  ruleTarget,
  whereNftables,
  withNftables,
} from '../../capabilities/nat/nftables.ts';

const TABLE = { family: 'bridge', name: 'nat' } as const;
const IN = { family: 'bridge', table: TABLE.name } as const;
const PREROUTING = 'PREROUTING';
const PRIORITY = -300;
const PREFIX = 'cni-br-iface-';
/** A comment holds 127 bytes. */
const LONGEST = 100;
const ATTEMPTS = 100;

/** An attachment's chains and comment. */
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

/** Whose frames are looked at. */
export interface CheckedPort {
  containerID: string;
  ifName: string;
  hostName: string;
  mac: string;
}

/**
 * Has frames that come by the port dropped unless they are from the MAC address.
 *
 * @throws CniError 2 when the kernel has no nftables for bridges
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
        newTable(TABLE),
        newChain({
          ...IN,
          name: PREROUTING,
          hook: { type: 'filter', hook: 'prerouting', priority: PRIORITY },
        }),
        newChain({ ...IN, name: names.own }),
        newChain({ ...IN, name: names.mac }),
        rule(names.mac, [...etherSource(mac), ...returnBack()]),
        rule(names.mac, drop()),
        rule(names.own, jump(names.mac)),
        rule(PREROUTING, [...inputInterface(hostName), ...jump(names.own)]),
      ]),
    );
  } catch (error) {
    if (!isWithoutNftables(error)) throw error;
    throw new CniError(
      ErrorCode.UnsupportedField,
      'Unsupported field macspoofchk: true',
      'This kernel has no nftables for bridges: it lacks CONFIG_NF_TABLES_BRIDGE',
      { cause: error },
    );
  }
}

/** Takes back what was made for an attachment. */
export function uncheckSpoofing(
  sys: Sys,
  { containerID, ifName }: Omit<CheckedPort, 'hostName' | 'mac'>,
): void {
  whereNftables(sys, (nft) => remove(nft, namesOf(containerID, ifName).own));
}

/** Takes back what was made for attachments to the network that are not listed. */
export function collectSpoofChecks(
  sys: Sys,
  network: string,
  valid: readonly { containerID: string; ifname: string }[] | undefined,
): void {
  if (valid === undefined) return;
  const keep = new Set(valid.map((one) => hostVethName(network, one.containerID, one.ifname)));
  const prefix = hostVethPrefix(network);
  whereNftables(sys, (nft) => {
    for (const rule of nft.rules({ ...IN, chain: PREROUTING })) {
      const chain = ruleTarget(rule);
      const port = inputOf(rule);
      // Only the port's name says which network it is; the reference's do not.
      if (chain?.startsWith(PREFIX) && port?.startsWith(prefix) && !keep.has(port)) remove(nft, chain);
    }
  });
}

/** What is missing of an attachment's, in words. */
export function spoofCheckDifferences(sys: Sys, containerID: string, ifName: string): string[] {
  const { own, mac } = namesOf(containerID, ifName);
  const complete = whereNftables(
    sys,
    (nft) =>
      jumpsTo(nft, own).length > 0 &&
      nft.rules({ ...IN, chain: own }).length > 0 &&
      nft.rules({ ...IN, chain: mac }).length > 1,
  );
  return complete ? [] : [`rules of macspoofchk are missing in chain ${own}`];
}

function remove(nft: NftConnection, chain: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      nft.commit(removal(nft, chain));
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !isRace(error)) throw error;
    }
  }
}

/** Requests that remove an attachment's chains; none when they are not there. */
function removal(nft: NftConnection, chain: string): Request[] {
  if (nft.chain({ ...IN, name: chain }) === undefined) return [];
  return [
    ...jumpsTo(nft, chain).map(({ handle = 0 }) => delRule({ ...IN, chain: PREROUTING, handle })),
    ...[chain, `${chain}-mac`].flatMap((name) => [
      delRule({ ...IN, chain: name }),
      delChain({ ...IN, name }),
    ]),
  ];
}

function jumpsTo(nft: NftConnection, chain: string): NftRule[] {
  return nft.rules({ ...IN, chain: PREROUTING }).filter((rule) => ruleTarget(rule) === chain);
}

/** The name that a rule compares the interface with; it is the first that these rules compare. */
function inputOf({ expressions }: NftRule): string | undefined {
  for (const one of expressions) {
    if (one.name === 'cmp' && one.data) return String.fromCharCode(...one.data.filter((byte) => byte !== 0));
  }
  return undefined;
}
