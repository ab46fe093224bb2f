/** Host ports in nftables, at ADD and CHECK. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { type Family, families } from '@cnikit/ip';
import type { Request } from '@cnikit/netlink';
import {
  type ChainRef,
  type Expression,
  NFT_JUMP,
  type NftConnection,
  newChain,
  newElements,
  newRule,
} from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import { Template } from '@cnikit/netlink/short-lived';
import { subnetOf, withoutLength } from '../../lib/prefix.ts';
import { type HostPort, ofFamily, portText } from '../../nat/host-port.ts';
import { describeOwner, isOtherOfContainer, type Owner, ownerText, parseOwner } from '../../nat/owner.ts';
import type { Change } from '../../nat/transaction.ts';
import type { LostOwner } from './lost-owner.ts';
import { podRemoval } from './nft-removal.ts';
import {
  elementComment,
  elementKey,
  HOOKS,
  hostPortOf,
  IN_TABLE,
  inMap,
  markChain,
  markRule,
  NEW_TABLE,
  newMarkChain,
  PORTS,
  type PortMapElement,
  parseElementComment,
  podChain,
  portMapElement,
  SHARED_RULES,
  TABLE,
} from './nft-table.ts';
import { takeOverTable } from './nft-takeover.ts';
import { DEFAULT_MARK, type PortmapSettings } from './settings.ts';

/** Drops the match of the IP version, which each rule has already. */
const withoutVersion = (expressions: Expression[]): Expression[] => expressions.slice(2);

// Equal on all nodes, so the build encodes them into the executable.
const FROM_LOCALHOST = expr.encoded(withoutVersion(expr.source('127.0.0.0/8')));
const SET_DEFAULT_MARK = expr.encoded(expr.setMarkBits(DEFAULT_MARK));

/** A name as long as that of every pod's chain. */
const EXAMPLE = { chain: 'pod-000000000000-000000000000' };
const POD_CHAIN = new Template(
  ({ chain }) => newChain({ ...IN_TABLE, name: chain, exclusive: true }),
  EXAMPLE,
);
/** The rule for packets from 127.0.0.1, with the default mark. */
const LOCALHOST_RULE = new Template(({ chain }) => {
  const expressions = [...expr.ipVersion('ipv4'), ...FROM_LOCALHOST, ...SET_DEFAULT_MARK];
  return newRule({ ...IN_TABLE, chain, expressions });
}, EXAMPLE);

const setMark = (mark: number): readonly Expression[] =>
  mark === DEFAULT_MARK ? SET_DEFAULT_MARK : expr.setMarkBits(mark);

/** Maximum number of lost pods to take ports from, so that an ADD ends. */
const MAX_LOST = 64;

/** The input for the chain of a pod. */
export interface PortPlan {
  owner: Owner;
  ports: readonly HostPort[];
  addresses: Partial<Record<Family, string>>;
  settings: Pick<PortmapSettings, 'snat' | 'masqAll' | 'mark'>;
  /** Finds owners that the runtime lost, whose ports are free. */
  lostOwner?: LostOwner;
  /** Receives what was taken over. */
  log?: (line: string) => void;
}

/**
 * Makes ports of the node lead to a pod. A port that another attachment of the same container has stays there, because
 * runtimes pass the ports of a container to each of its networks. A pod that the runtime lost loses all its ports.
 *
 * @throws {CniError} 11 naming the owner, when another pod has a port; thrown while the change is committed
 */
export function portsChange(plan: PortPlan): Change {
  const chain = podChain(plan.owner);
  const comment = ownerText(plan.owner);
  const own = podRules(plan, chain);
  const elements = own.elements.map((element) => ({
    element,
    request: newElements({ ...inMap(element.map), exclusive: true }, [
      { key: elementKey(element), verdict: { code: NFT_JUMP, chain }, comment },
    ]),
  }));
  const leftToOther = new Set<Request>();
  /** Log lines by the chain of a lost pod. */
  const lost = new Map<string, string>();
  return {
    chains: elements.length === 0 ? [] : [sharedChain(plan.settings)],
    requests(nft, attempt, uses) {
      if (elements.length === 0) {
        return [];
      }
      const requests = [...missingBase(nft, plan.settings, uses[0], attempt > 1)];
      if (attempt > 1) {
        // An ADD of the same attachment may have been killed.
        requests.push(...podRemoval(nft, chain).requests);
      }
      for (const name of lost.keys()) {
        // The kernel refuses the deletion of a chain that another pod has removed, and with it the whole transaction.
        requests.push(...podRemoval(nft, name).requests);
      }
      requests.push(POD_CHAIN.fill({ chain }), ...own.requests);
      for (const { request } of elements) {
        if (!leftToOther.has(request)) {
          requests.push(request);
        }
      }
      return requests;
    },
    refused(nft, requests) {
      for (const { element, request } of elements) {
        if (!requests.includes(request)) {
          continue;
        }
        const taken = nft.elementTarget(inMap(element.map), elementKey(element));
        if (isOtherOfContainer(taken?.comment, plan.owner)) {
          leftToOther.add(request);
        } else if (taken !== undefined && taken.comment !== comment) {
          const owner = parseOwner(taken.comment);
          const reason = owner && lost.size < MAX_LOST ? plan.lostOwner?.(owner) : undefined;
          if (reason === undefined || taken.chain === undefined) {
            throw takenPort(element, taken.comment);
          }
          const port = portText(hostPortOf(element));
          lost.set(taken.chain, `Took host port ${port} from ${describeOwner(taken.comment)}: ${reason}`);
        }
      }
    },
    more() {
      for (const line of lost.values()) {
        plan.log?.(line);
      }
      return false;
    },
  };
}

function takenPort(element: PortMapElement, owner: string | undefined): CniError {
  const at = element.hostIP === undefined ? '' : `${element.hostIP} `;
  return new CniError(
    ErrorCode.TryAgainLater,
    `Host port ${at}${element.port}/${element.protocol} is taken by ${describeOwner(owner)}`,
    'Delete that container, or choose another port',
  );
}

/** The last chain that is created of what the pods with these settings share. */
const sharedChain = ({ snat, mark }: PortPlan['settings']): ChainRef => ({
  family: TABLE.family,
  table: TABLE.name,
  name: snat ? markChain(mark) : PORTS,
});

/**
 * Requests for the missing part of what all pods share. One transaction creates each part completely or not at all, but
 * another program may have flushed the table.
 *
 * @param rules use of the shared chain
 * @param isDoubtful true to look at the rules of every shared chain
 */
function missingBase(
  nft: NftConnection,
  settings: PortPlan['settings'],
  rules: number | undefined,
  isDoubtful: boolean,
): readonly Request[] {
  const { snat, mark } = settings;
  if (rules === undefined) {
    const isThere = nft.tableUse(TABLE) !== undefined;
    if (isThere) {
      takeOverTable(nft);
    }
    if (!isThere || nft.chainUse(sharedChain(settings)) === undefined) {
      return [...(isThere ? [] : NEW_TABLE), ...(snat ? newMarkChain(mark) : [])];
    }
  }
  return isDoubtful || rules === 0 ? missingRules(nft, snat ? mark : undefined) : [];
}

/** Requests for the rules of shared chains that are empty. */
function missingRules(nft: NftConnection, mark: number | undefined): Request[] {
  const rules = [...SHARED_RULES, ...(mark === undefined ? [] : [markRule(mark)])];
  return rules
    .filter(([chain]) => nft.rules({ ...IN_TABLE, chain }).length === 0)
    .map(([, request]) => request);
}

/** The rules of a pod's chain, and the elements that must lead to it. */
function podRules(
  { ports, addresses, settings }: PortPlan,
  chain: string,
): { requests: Request[]; elements: PortMapElement[] } {
  const requests: Request[] = [];
  const elements: PortMapElement[] = [];
  const seen = new Set<string>();
  for (const family of families) {
    const address = addresses[family];
    const own = address === undefined ? [] : ofFamily(ports, family);
    if (address === undefined || own.length === 0) {
      continue;
    }
    const version = expr.ipVersion(family);
    for (const match of markedSources(settings, family, address)) {
      if (match === FROM_LOCALHOST && settings.mark === DEFAULT_MARK) {
        requests.push(LOCALHOST_RULE.fill({ chain }));
      } else {
        const expressions = [...version, ...match, ...setMark(settings.mark)];
        requests.push(newRule({ ...IN_TABLE, chain, expressions }));
      }
    }
    // A port of one address comes before the same port of all addresses.
    if (own.length > 1) {
      own.sort((a, b) => Number(!a.hostIP) - Number(!b.hostIP));
    }
    for (const port of own) {
      const element = portMapElement(port, family);
      const note = elementComment(element);
      // The runtime may pass a port twice, without hostIP and with 0.0.0.0. The first mapping wins, as in upstream.
      if (seen.has(note)) {
        continue;
      }
      seen.add(note);
      elements.push(element);
      const expressions = [
        ...version,
        // First, so that nft lists the rule the same after it loaded a listing.
        ...(port.hostIP === undefined ? [] : withoutVersion(expr.destination(port.hostIP))),
        ...expr.protocol(port.protocol),
        ...expr.destinationPort(port.hostPort),
        ...expr.dnat({ address: withoutLength(address), port: port.containerPort }),
      ];
      requests.push(newRule({ ...IN_TABLE, chain, expressions, comment: note }));
    }
  }
  return { requests, elements };
}

/** Matches for packets whose replies would not return through the node: from the pod's own subnet, and from 127.0.0.1. */
function markedSources(
  { snat, masqAll }: PortPlan['settings'],
  family: Family,
  address: string,
): (readonly Expression[])[] {
  if (!snat) {
    return [];
  }
  if (masqAll) {
    return [[]];
  }
  const subnet = withoutVersion(expr.source(subnetOf(address)));
  return family === 'ipv4' ? [subnet, FROM_LOCALHOST] : [subnet];
}

/** Lists what an attachment's ports lack. */
export function portDifferences(nft: NftConnection, plan: PortPlan): string[] {
  const chain = podChain(plan.owner);
  const { elements, requests } = podRules(plan, chain);
  if (elements.length === 0) {
    return [];
  }
  takeOverTable(nft);
  const rulesOf = (name: string) => nft.rules({ ...IN_TABLE, chain: name });
  const shared = [PORTS, ...HOOKS, ...(plan.settings.snat ? [markChain(plan.settings.mark)] : [])];
  const empty = shared.filter((name) => rulesOf(name).length === 0);
  const rules = rulesOf(chain);
  const led = rules.map(({ comment }) => parseElementComment(comment)).filter((one) => one !== undefined);
  const comments = new Set(led.map(elementComment));
  const lost = elements.filter((one) => {
    const element = nft.elementTarget(inMap(one.map), elementKey(one));
    const leads = element?.chain === chain || isOtherOfContainer(element?.comment, plan.owner);
    return !leads || !comments.has(elementComment(one));
  });
  const messages = lost.map((one) => `host port ${portText(hostPortOf(one))} does not lead to the container`);
  const isIncomplete = lost.length === 0 && rules.length < requests.length;
  return [
    ...empty.map((name) => `rules are missing in chain ${name} of table ${TABLE.name}`),
    ...new Set(messages),
    ...(isIncomplete ? [`rules are missing in chain ${chain}`] : []),
  ];
}
