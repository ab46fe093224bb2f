import { contains, familyOf, type Prefix, parseAddress } from '@cnikit/ip';
import type { Direction, PeerMatch, Rule, Ruleset, ServiceMatch } from '../src/index.ts';

/** The first packet of a connection, as a hook of a node sees it. */
export interface Packet {
  source: string;
  destination: string;
  protocol: 'TCP' | 'UDP' | 'SCTP' | 'ICMP';
  port: number;
}

/** Runs the base chain of one direction as the kernel does. Returns whether the packet goes on. */
export function passes(ruleset: Ruleset, direction: Direction, packet: Packet, podCidrs: Prefix[]): boolean {
  const own = direction === 'egress' ? packet.source : packet.destination;
  const chain = ruleset.pods[direction].get(own);
  if (chain === undefined) {
    return !podCidrs.some((cidr) => contains(cidr, parseAddress(own)!));
  }
  return run(ruleset, chain, packet) !== 'drop';
}

function run(ruleset: Ruleset, chain: string, packet: Packet): 'accept' | 'drop' | undefined {
  const rules = ruleset.chains.get(chain);
  if (!rules) {
    throw new Error(`No chain ${chain}`);
  }
  for (const rule of rules) {
    if (!holds(ruleset, rule, packet)) {
      continue;
    }
    const verdict = typeof rule.verdict === 'string' ? rule.verdict : run(ruleset, rule.verdict.jump, packet);
    if (verdict) {
      return verdict;
    }
  }
  return undefined;
}

function holds(ruleset: Ruleset, { peer, service }: Rule, packet: Packet): boolean {
  return (
    (!peer || isPeer(ruleset, peer, packet[peer.end])) && (!service || isService(ruleset, service, packet))
  );
}

function isPeer(ruleset: Ruleset, peer: PeerMatch, address: string): boolean {
  if ('selection' in peer) {
    return ruleset.members.get(peer.selection)?.has(address) ?? false;
  }
  return familyOf(address) === peer.family && hex(peer.from) <= hex(address) && hex(address) <= hex(peer.to);
}

function hex(address: string): string {
  return Buffer.from(parseAddress(address)!).toString('hex');
}

function isService(ruleset: Ruleset, { protocol, range, namedPort }: ServiceMatch, packet: Packet): boolean {
  if (protocol !== packet.protocol) {
    return false;
  }
  if (namedPort !== undefined) {
    return ruleset.namedPorts.get(namedPort)?.has(`${packet.destination} ${packet.port}`) ?? false;
  }
  return !range || (range[0] <= packet.port && packet.port <= range[1]);
}
