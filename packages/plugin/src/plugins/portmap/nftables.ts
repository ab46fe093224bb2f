/**
 * Ports of the node by nftables. Maps lead from a port to the chain of the pod that has it, so that a packet, an ADD and
 * a DEL cost the same however many pods have ports:
 *
 *     table inet cnikit_hostports {
 *       map any4 { type inet_proto . inet_service : verdict; elements = { tcp . 8080 comment "pods/4f1c/eth0" : jump pod-… } }
 *       map any6, ip4, ip6 { … } # ip4 and ip6: of one address of the node alone
 *       chain ports { ip daddr . meta l4proto . th dport vmap @ip4; … vmap @any4; … }
 *       chain prerouting { type nat hook prerouting priority dstnat; fib daddr type local goto ports }
 *       chain output { type nat hook output priority dstnat; fib daddr type local goto ports }
 *       chain masquerade-0x2000 { type nat hook postrouting priority srcnat; meta mark & 0x2000 == 0x2000 masquerade }
 *       chain pod-… {
 *         ip saddr 10.1.0.0/24 meta mark set meta mark | 0x2000
 *         ip saddr 127.0.0.0/8 meta mark set meta mark | 0x2000
 *         tcp dport 8080 dnat ip to 10.1.0.5:80 comment "any4 tcp 8080"
 *       }
 *     }
 *
 * The chain's name follows from the attachment, and its comments name the elements that lead to it: DEL needs no more.
 */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import type { Request } from '@cnikit/netlink';
import { parseAddress } from '@cnikit/netlink/codec';
import {
  delChain,
  delElements,
  delRule,
  delSet,
  delTable,
  destination,
  destinationPort,
  dnat,
  type Expression,
  goTo,
  hasMarkBits,
  ipVersion,
  masquerade,
  NFT_JUMP,
  type NftConnection,
  newChain,
  newElements,
  newRule,
  newSet,
  newTable,
  protocol,
  setMarkBits,
  source,
  toLocal,
  verdictMap,
} from '@cnikit/netlink/nftables';
import { subnetOf, withoutLength } from '../../lib/prefix.ts';
import { digest } from '../../links/names.ts';
import { elementsOf, isRace } from '../../nat/nftables.ts';
import { belongsTo, type Owner, ownerText, ownerWords } from '../../nat/owner.ts';
import { type Change, commitTogether } from '../../nat/transaction.ts';
import { compileConditions } from './conditions.ts';
import {
  type HostPort,
  ofFamily,
  PORT_FAMILIES,
  type PortFamily,
  type PortProtocol,
  portText,
} from './host-port.ts';
import { DEFAULT_MARK, type PortmapSettings } from './settings.ts';

const TABLE = { family: 'inet', name: 'cnikit_hostports' } as const;
const IN = { family: 'inet', table: TABLE.name } as const;
const MAPS = ['any4', 'any6', 'ip4', 'ip6'] as const;
type MapName = (typeof MAPS)[number];
const MAP_KEYS = {
  any4: ['inet_proto', 'inet_service'],
  any6: ['inet_proto', 'inet_service'],
  ip4: ['ipv4_addr', 'inet_proto', 'inet_service'],
  ip6: ['ipv6_addr', 'inet_proto', 'inet_service'],
} as const;
const PORTS = 'ports';
const HOOKS = ['prerouting', 'output'] as const;
const DSTNAT = -100;
const SRCNAT = 100;
/** Chains and maps of a table without pods and masquerading. */
const TABLE_USE = 7;
const POD_PREFIX = 'pod-';
const MARK_PREFIX = 'masquerade-0x';
const DIGITS = 12;
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;
const LOCALHOST = '127.0.0.0/8';

/** What the chain of a pod is made of. */
export interface PortPlan {
  owner: Owner;
  ports: readonly HostPort[];
  addresses: Partial<Record<PortFamily, string>>;
  settings: Pick<PortmapSettings, 'snat' | 'masqAll' | 'mark' | 'conditions'>;
}

const inMap = (name: MapName) => ({ ...IN, name });

function podChain({ network, containerID, ifName }: Owner): string {
  return `${POD_PREFIX}${digest(network, DIGITS)}-${digest(`${containerID}/${ifName}`, DIGITS)}`;
}

const markChain = (mark: number): string => `${MARK_PREFIX}${mark.toString(16)}`;

/** An element of a map, by what it stands for. */
interface Leading {
  map: MapName;
  protocol: PortProtocol;
  port: number;
  hostIP?: string | undefined;
}

function leadingOf(port: HostPort, family: PortFamily): Leading {
  const version = family === 'ipv4' ? 4 : 6;
  const map = `${port.hostIP === undefined ? 'any' : 'ip'}${version}` as const;
  return { map, protocol: port.protocol, port: port.hostPort, hostIP: port.hostIP };
}

function keyOf({ protocol: name, port, hostIP }: Leading): Uint8Array {
  const address = hostIP === undefined ? [] : (parseAddress(hostIP) ?? []);
  // Fields begin at multiples of four bytes.
  return Uint8Array.from([...address, PROTOCOLS[name], 0, 0, 0, port >> 8, port & 255, 0, 0]);
}

/** `any4 tcp 8080`, `ip4 tcp 8080 192.0.2.1`. */
function leadingText({ map, protocol: name, port, hostIP }: Leading): string {
  return [map, name, port, ...(hostIP === undefined ? [] : [hostIP])].join(' ');
}

function parseLeading(comment: string | undefined): Leading | undefined {
  const found = /^(any4|any6|ip4|ip6) (tcp|udp|sctp) (\d+)(?: (\S+))?$/.exec(comment ?? '');
  if (found === null) {
    return undefined;
  }
  const [, map, name, port, hostIP] = found;
  return { map: map as MapName, protocol: name as PortProtocol, port: Number(port), hostIP };
}

/**
 * Has ports of the node lead to a pod.
 *
 * @throws CniError 2 for conditions that are not understood; when it is done, 11 if another pod has a port, naming it
 */
export function portsChange(plan: PortPlan): Change {
  const chain = podChain(plan.owner);
  const comment = ownerText(plan.owner);
  const own = podRules(plan, chain);
  const elements = own.leading.map((one) => ({
    one,
    request: newElements({ ...inMap(one.map), exclusive: true }, [
      { key: keyOf(one), verdict: { code: NFT_JUMP, chain }, comment },
    ]),
  }));
  return {
    requests(nft, attempt) {
      if (elements.length === 0) {
        return [];
      }
      return [
        ...missingBase(nft, plan.settings),
        // A killed ADD of the same attachment.
        ...(attempt > 1 ? removalOf(nft, chain).requests : []),
        newChain({ ...IN, name: chain, exclusive: true }),
        ...own.requests,
        ...elements.map(({ request }) => request),
      ];
    },
    refused(nft, requests) {
      for (const { one, request } of elements) {
        if (requests.includes(request)) {
          refuseTaken(nft, one, comment);
        }
      }
    },
  };
}

function refuseTaken(nft: NftConnection, leading: Leading, comment: string): void {
  const taken = nft.element(inMap(leading.map), keyOf(leading));
  if (taken === undefined || taken.comment === comment) {
    return;
  }
  const at = leading.hostIP === undefined ? '' : `${leading.hostIP} `;
  throw new CniError(
    ErrorCode.TryAgainLater,
    `Host port ${at}${leading.port}/${leading.protocol} is taken by ${ownerWords(taken.comment)}`,
    'Delete that container, or choose another port',
  );
}

/** Requests for what the pods' chains need and is not there; made in one transaction, it is there whole or not at all. */
function missingBase(nft: NftConnection, { snat, mark }: PortPlan['settings']): readonly Request[] {
  if (nft.chain({ ...IN, name: snat ? markChain(mark) : PORTS })) {
    return [];
  }
  const base = nft.table(TABLE) === undefined ? NEW_BASE : [];
  return snat ? [...base, ...(mark === DEFAULT_MARK ? NEW_DEFAULT_MARK : newMark(mark))] : base;
}

function newMark(mark: number): Request[] {
  const name = markChain(mark);
  const hook = { type: 'nat', hook: 'postrouting', priority: SRCNAT } as const;
  return [
    newChain({ ...IN, name, hook, exclusive: true }),
    newRule({ ...IN, chain: name, expressions: [...hasMarkBits(mark), ...masquerade()] }),
  ];
}

const inPorts = (...expressions: Expression[]) => newRule({ ...IN, chain: PORTS, expressions });

// The same on all nodes, and so ready-made in the executable.
const NEW_DEFAULT_MARK: readonly Request[] = newMark(DEFAULT_MARK);
const NEW_BASE: readonly Request[] = [
  newTable({ ...TABLE, exclusive: true }),
  ...MAPS.map((name, i) => newSet({ ...inMap(name), key: MAP_KEYS[name], data: 'verdict', id: i + 1 })),
  newChain({ ...IN, name: PORTS }),
  // One address of the node goes over all of them.
  inPorts(...verdictMap(['ip daddr', 'meta l4proto', 'th dport'], 'ip4')),
  inPorts(...verdictMap(['ip6 daddr', 'meta l4proto', 'th dport'], 'ip6')),
  inPorts(...ipVersion('ipv4'), ...verdictMap(['meta l4proto', 'th dport'], 'any4')),
  inPorts(...ipVersion('ipv6'), ...verdictMap(['meta l4proto', 'th dport'], 'any6')),
  ...HOOKS.flatMap((hook) => [
    newChain({ ...IN, name: hook, hook: { type: 'nat', hook, priority: DSTNAT } }),
    newRule({ ...IN, chain: hook, expressions: [...toLocal(), ...goTo(PORTS)] }),
  ]),
];
/** The rules of a pod's chain, and the elements that have to lead to it. */
function podRules(
  { ports, addresses, settings }: PortPlan,
  chain: string,
): { requests: Request[]; leading: Leading[] } {
  const requests: Request[] = [];
  const leading: Leading[] = [];
  for (const family of PORT_FAMILIES) {
    const address = addresses[family];
    const own = ofFamily(ports, family);
    if (address === undefined || own.length === 0) {
      continue;
    }
    const alternatives = compileConditions(settings.conditions[family], family);
    const addRules = (expressions: readonly Expression[], comment?: string) => {
      for (const conditions of alternatives) {
        const all = [...ipVersion(family), ...conditions, ...expressions];
        requests.push(newRule({ ...IN, chain, expressions: all, ...(comment && { comment }) }));
      }
    };
    for (const match of markedSources(settings, family, address)) {
      addRules([...match, ...setMarkBits(settings.mark)]);
    }
    // A port of one address before the same port of all.
    for (const port of [...own].sort((a, b) => Number(!a.hostIP) - Number(!b.hostIP))) {
      const one = leadingOf(port, family);
      leading.push(one);
      const expressions = [
        ...protocol(port.protocol),
        ...destinationPort(port.hostPort),
        ...(port.hostIP === undefined ? [] : destination(port.hostIP)),
        ...dnat({ address: withoutLength(address), port: port.containerPort }),
      ];
      addRules(expressions, leadingText(one));
    }
  }
  return { requests, leading };
}

/** Matches of what would not find its way back to where it came from: the pod's own subnet, and the node by 127.0.0.1. */
function markedSources(
  { snat, masqAll }: PortPlan['settings'],
  family: PortFamily,
  address: string,
): Expression[][] {
  if (!snat) {
    return [];
  }
  if (masqAll) {
    return [[]];
  }
  // Without the version of IP, which all rules test.
  return [subnetOf(address), ...(family === 'ipv4' ? [LOCALHOST] : [])].map((from) => source(from).slice(2));
}

/** What there is of a pod, and the requests that remove it: first the elements, then the chain. */
interface Removal {
  leading: Leading[];
  elements: Request[];
  requests: Request[];
}

function removalOf(nft: NftConnection, chain: string): Removal {
  // With conditions several rules may be about one port.
  const comments = [...new Set(nft.ruleComments({ ...IN, chain }))];
  // A chain is made and removed with the rules in it.
  if (comments.length === 0) {
    return { leading: [], elements: [], requests: [] };
  }
  const leading = comments.map(parseLeading).filter((one) => one !== undefined);
  const elements = leading
    .filter((one) => nft.element(inMap(one.map), keyOf(one))?.verdict?.chain === chain)
    .map((one) => delElements(inMap(one.map), [{ key: keyOf(one) }]));
  return {
    leading,
    elements,
    requests: [...elements, delRule({ ...IN, chain }), delChain({ ...IN, name: chain })],
  };
}

/** Hears of ports of UDP whose rules are gone. */
export type Between = (ports: readonly HostPort[]) => void;

/**
 * Takes back what was made for an attachment, and the table with the last. Ports of UDP in two steps, with `between` in
 * the middle: whoever is killed there is found by the next DEL, for the chain is still there.
 */
export function portsRemoval(owner: Owner, mark: number, between: Between): Change {
  return podRemoval(podChain(owner), mark, between);
}

function podRemoval(chain: string, mark: number, between: Between): Change {
  let udp: Leading[] = [];
  let isForgotten = false;
  let last = false;
  return {
    requests(nft) {
      const { leading, elements, requests } = removalOf(nft, chain);
      udp = isForgotten ? [] : leading.filter((one) => one.protocol === 'udp');
      if (udp.length > 0) {
        return elements;
      }
      const others = requests.length === 0 ? undefined : lastPodsChains(nft, mark);
      last = others !== undefined;
      return others ? [...elements, ...delBase([...others, chain])] : requests;
    },
    more(nft) {
      if (udp.length > 0) {
        between(udp.map(portOf));
        isForgotten = true;
        return true;
      }
      if (!last) {
        removeIfEmpty(nft);
      }
      return false;
    },
  };
}

function portOf({ map, protocol: name, port, hostIP }: Leading): HostPort {
  const family = map.endsWith('4') ? 'ipv4' : 'ipv6';
  return { protocol: name, hostPort: port, containerPort: 0, family, hostIP };
}

/** Further chains of the table, if there is but one pod's: that of `mark`, or none. */
function lastPodsChains(nft: NftConnection, mark: number): string[] | undefined {
  const use = nft.table(TABLE)?.use;
  if (use === TABLE_USE + 2 && nft.chain({ ...IN, name: markChain(mark) })) {
    return [markChain(mark)];
  }
  return use === TABLE_USE + 1 ? [] : undefined;
}

/** Removes the table when no pod is in it. */
function removeIfEmpty(nft: NftConnection): void {
  const use = nft.table(TABLE)?.use;
  // With more than one chain of masquerading it stays until GC: to look for them at every DEL is not worth it.
  if (use !== undefined && use <= TABLE_USE + 1) {
    removeBase(nft);
  }
}

function removeBase(nft: NftConnection): void {
  const chains = chainsOf(nft);
  if (chains.length === 0 || chains.some((name) => name.startsWith(POD_PREFIX))) {
    return;
  }
  try {
    nft.commit(delBase(chains.filter((name) => name.startsWith(MARK_PREFIX))));
  } catch (error) {
    // A pod has come.
    if (!isRace(error)) {
      throw error;
    }
  }
}

const chainsOf = (nft: NftConnection): string[] =>
  nft.chains({ family: TABLE.family, table: TABLE.name }).map(({ name = '' }) => name);

/** Requests that remove the table with all its rules and these chains besides its own; refused when there are others. */
function delBase(chains: readonly string[]): Request[] {
  return [
    delRule(IN),
    ...[...HOOKS, PORTS, ...chains].map((name) => delChain({ ...IN, name })),
    ...MAPS.map((name) => delSet(inMap(name))),
    delTable({ ...TABLE, ifEmpty: true }),
  ];
}

/** Takes back what was made for attachments to the network that are not to be kept, and what DELs have left half-done. */
export function collectPorts(
  nft: NftConnection,
  network: string,
  keep: readonly Omit<Owner, 'network'>[],
  mark: number,
  between: Between,
): void {
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
    stale.map((name) => podRemoval(name, mark, between)),
  );
  removeBase(nft);
}

/** What is missing of an attachment's ports, in words. */
export function portDifferences(nft: NftConnection, plan: PortPlan): string[] {
  const chain = podChain(plan.owner);
  const { leading, requests } = podRules(plan, chain);
  if (leading.length === 0) {
    return [];
  }
  const rulesOf = (name: string) => nft.rules({ ...IN, chain: name });
  const shared = [PORTS, ...HOOKS, ...(plan.settings.snat ? [markChain(plan.settings.mark)] : [])];
  const empty = shared.filter((name) => rulesOf(name).length === 0);
  const rules = rulesOf(chain);
  const noted = new Set(rules.map(({ comment }) => comment));
  const lost = leading.filter(
    (one) =>
      !noted.has(leadingText(one)) || nft.element(inMap(one.map), keyOf(one))?.verdict?.chain !== chain,
  );
  const words = lost.map((one) => `host port ${portText(portOf(one))} does not lead to the container`);
  const few = lost.length === 0 && rules.length < requests.length;
  return [
    ...empty.map((name) => `rules are missing in chain ${name} of table ${TABLE.name}`),
    ...new Set(words),
    ...(few ? [`rules are missing in chain ${chain}`] : []),
  ];
}
