import type { NetworkPolicy, Peer, PolicyPort, PortProtocol } from '../api.ts';
import type { LabelSelector } from '../labels.ts';
import { mergePorts, rangesOf } from './ranges.ts';
import { keyOf } from './records.ts';
import type { Direction, PeerMatch, Rule, ServiceMatch } from './ruleset.ts';

/** Pods by their labels and those of their namespace. `namespace` is a name, or a selector of namespaces. */
export interface Selection {
  namespace: string | LabelSelector;
  podSelector: LabelSelector;
}

/** Name of a container port, with its protocol. Destinations of ingress are pods of this node only. */
export interface PortName {
  direction: Direction;
  name: string;
  protocol: PortProtocol;
}

/** Returns numbers for selections and port names, which rules refer to. */
export interface Numbering {
  selection(selection: Selection): number;
  portName(name: PortName): number;
}

/** Returns the directions that a policy isolates. */
export function directionsOf({ spec }: NetworkPolicy): Direction[] {
  const types = spec.policyTypes?.length
    ? spec.policyTypes
    : ['Ingress', ...(spec.egress?.length ? ['Egress'] : [])];
  return (['ingress', 'egress'] as const).filter((direction) =>
    types.includes(direction === 'ingress' ? 'Ingress' : 'Egress'),
  );
}

/** Returns the name of the chain that has a policy's rules of a direction. */
export function policyChain(direction: Direction, policyKey: string): string {
  const name = `${direction}/${policyKey}`;
  return name.length <= MAX_CHAIN_NAME ? name : `${name.slice(0, MAX_CHAIN_NAME - 17)}.${hash(name)}`;
}

/** Length of the longest chain name, less the number of a rule: nftables refuses names over 255 bytes. */
const MAX_CHAIN_NAME = 240;

/** 64-bit FNV-1a, in hexadecimal. */
function hash(text: string): string {
  let value = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) {
    value = BigInt.asUintN(64, (value ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  }
  return value.toString(16).padStart(16, '0');
}

/** Returns the chains of a policy for one direction: its own, and one for each rule with several peers and ports. */
export function policyChains(
  policy: NetworkPolicy,
  direction: Direction,
  numbering: Numbering,
): Map<string, Rule[]> {
  const { namespace } = policy.metadata;
  const end = direction === 'ingress' ? 'source' : 'destination';
  const name = policyChain(direction, keyOf(policy.metadata));
  const rules: Rule[] = [];
  const chains = new Map<string, Rule[]>();
  const all =
    direction === 'ingress'
      ? (policy.spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : (policy.spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
  for (const [index, { peers, ports }] of all.entries()) {
    const peerMatches = peers?.length ? matchesOfPeers(peers, namespace, end, numbering) : [undefined];
    const services = ports?.length ? matchesOfPorts(ports, direction, numbering) : [undefined];
    if (peerMatches.length > 1 && services.length > 1) {
      const ports = `${name}/${index}`;
      chains.set(
        ports,
        services.map((service): Rule => ({ service, verdict: 'accept' })),
      );
      rules.push(...peerMatches.map((peer): Rule => ({ peer, verdict: { jump: ports } })));
    } else {
      rules.push(
        ...peerMatches.flatMap((peer) =>
          services.map((service): Rule => ({ peer, service, verdict: 'accept' })),
        ),
      );
    }
  }
  return chains.set(name, rules);
}

function matchesOfPeers(
  peers: readonly Peer[],
  namespace: string,
  end: PeerMatch['end'],
  numbering: Numbering,
): PeerMatch[] {
  const blocks = peers.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock] : []));
  const selections = peers
    .filter(({ podSelector, namespaceSelector }) => podSelector ?? namespaceSelector)
    .map(({ podSelector, namespaceSelector }) =>
      numbering.selection({ namespace: namespaceSelector ?? namespace, podSelector: podSelector ?? {} }),
    );
  return [
    ...[...new Set(selections)].map((selection) => ({ end, selection })),
    ...rangesOf(blocks).map((range) => ({ end, ...range })),
  ];
}

function matchesOfPorts(
  ports: readonly PolicyPort[],
  direction: Direction,
  numbering: Numbering,
): ServiceMatch[] {
  return (['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol): ServiceMatch[] => {
    const own = ports.filter((port) => (port.protocol ?? 'TCP') === protocol);
    if (own.some(({ port }) => port === undefined)) {
      return [{ protocol }];
    }
    const ranges = own.flatMap(({ port, endPort }): [number, number][] =>
      typeof port === 'number' ? [[port, endPort ?? port]] : [],
    );
    const names = new Set(own.flatMap(({ port }) => (typeof port === 'string' ? [port] : [])));
    return [
      ...mergePorts(ranges).map((range) => ({ protocol, range })),
      ...[...names].map((name) => ({
        protocol,
        namedPort: numbering.portName({ direction, name, protocol }),
      })),
    ];
  });
}
