import { familyOf, parseAddress } from '@cnikit/ip';
import { checkChoice, checkService } from '../arguments.ts';
import type { Direction, PeerMatch, Rule, Ruleset, ServiceMatch } from './ruleset.ts';

/** A connection as a node sees it: after the translation of a Service and before masquerading. */
export interface Connection {
  /** Canonical text of the address, as `@cnikit/ip` formats it. */
  source: string;
  destination: string;
  /** Undefined for ICMP and protocols that policies cannot name: only rules without ports allow these. */
  protocol?: ServiceMatch['protocol'] | undefined;
  /** Destination port. */
  port?: number | undefined;
}

/** The decision of one pod's rules about a connection. */
export interface Evaluation {
  allowed: boolean;
  /** Policies that isolate the pod in this direction, as `namespace/name`. Empty for an open pod. */
  policies: string[];
}

const DIRECTIONS: readonly unknown[] = ['egress', 'ingress'] satisfies Direction[];
const PROTOCOLS: readonly unknown[] = [undefined, 'TCP', 'UDP', 'SCTP'] satisfies Connection['protocol'][];

/**
 * Evaluates a connection as the rules of a node do in one direction: `egress` asks the pod at the source, `ingress` the
 * pod at the destination. Returns undefined when that end is not a pod of the node.
 *
 * @throws {ArgumentError} when the direction, the protocol or the port has another type
 *
 * ```ts
 * const { allowed, policies } = evaluate(compiler.ruleset, 'ingress', connection) ?? { allowed: true, policies: [] };
 * ```
 */
export function evaluate(
  ruleset: Ruleset,
  direction: Direction,
  connection: Connection,
): Evaluation | undefined {
  checkChoice('direction', direction, DIRECTIONS);
  checkService(connection.protocol, connection.port, PROTOCOLS);
  const own = direction === 'egress' ? connection.source : connection.destination;
  const chain = ruleset.pods[direction].get(own);
  if (chain === undefined) {
    return undefined;
  }
  return {
    allowed: run(ruleset, chain, connection) === 'accept',
    policies: (ruleset.chains.get(chain) ?? []).flatMap(({ verdict }) =>
      typeof verdict === 'string' ? [] : [verdict.jump.slice(direction.length + 1)],
    ),
  };
}

function run(ruleset: Ruleset, chain: string, connection: Connection): 'accept' | 'drop' | undefined {
  for (const { peer, service, verdict } of ruleset.chains.get(chain) ?? []) {
    if (!isPeer(ruleset, peer, connection) || !isService(ruleset, service, connection)) {
      continue;
    }
    const result = typeof verdict === 'string' ? verdict : run(ruleset, verdict.jump, connection);
    if (result !== undefined) {
      return result;
    }
  }
  return undefined;
}

function isPeer(ruleset: Ruleset, peer: Rule['peer'], connection: Connection): boolean {
  if (peer === undefined) {
    return true;
  }
  const address = connection[peer.end];
  return 'selection' in peer
    ? ruleset.members.get(peer.selection)?.has(address) === true
    : familyOf(address) === peer.family && isWithin(peer, parseAddress(address)!);
}

type RangeMatch = Extract<PeerMatch, { from: string }>;

/** Bounds of ranges as bytes. Rules live as long as their policy. */
const bounds = new WeakMap<RangeMatch, { from: Uint8Array; to: Uint8Array }>();

function isWithin(range: RangeMatch, address: Uint8Array): boolean {
  let known = bounds.get(range);
  if (known === undefined) {
    known = { from: parseAddress(range.from)!, to: parseAddress(range.to)! };
    bounds.set(range, known);
  }
  return compare(known.from, address) <= 0 && compare(address, known.to) <= 0;
}

/** Compares addresses of one family as numbers. */
function compare(a: Uint8Array, b: Uint8Array): number {
  for (const [i, byte] of a.entries()) {
    if (byte !== b[i]) {
      return byte - b[i]!;
    }
  }
  return 0;
}

function isService(
  ruleset: Ruleset,
  service: Rule['service'],
  { destination, protocol, port = -1 }: Connection,
): boolean {
  if (service === undefined) {
    return true;
  }
  if (service.protocol !== protocol) {
    return false;
  }
  const { range, namedPort } = service;
  if (namedPort !== undefined) {
    return ruleset.namedPorts.get(namedPort)?.has(`${destination} ${port}`) === true;
  }
  return range === undefined || (range[0] <= port && port <= range[1]);
}
