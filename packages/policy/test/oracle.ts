import { familyOf, type Prefix, parseAddress, parsePrefix } from '@cnikit/ip';
import { type Cluster, type Direction, decide, evaluate, type Ruleset } from '../src/index.ts';
import { EXTERNAL, nodeAddress, PORTS } from './clusters.ts';
import { type Packet, passes } from './interpreter.ts';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP', 'ICMP'] as const;
const hostPrefix = (text: string): Prefix => {
  const address = parseAddress(text)!;
  return { address, length: 8 * address.length };
};
export const POD_CIDRS = [parsePrefix('10.0.0.0/24')!, parsePrefix('fd00::/120')!];

/**
 * Compares the rulesets of all nodes with {@link decide}, and {@link evaluate} with the kernel's reading of the rules, for
 * every pair of addresses, protocol and port. Returns a description of each difference.
 */
export function differences(cluster: Cluster, rulesets: ReadonlyMap<string, Ruleset>): string[] {
  const owners = ownersOf(cluster);
  const nodes = [...rulesets.keys()];
  const podCidrs = new Map(nodes.map((node) => [node, cidrsOf(owners, node)]));
  const ends = [...owners.keys(), ...EXTERNAL, ...nodes.map(nodeAddress)];
  const found: string[] = [];
  for (const source of ends) {
    for (const destination of ends) {
      if (source === destination || familyOf(source) !== familyOf(destination)) {
        continue;
      }
      const [from, to] = [owners.get(source), owners.get(destination)];
      if ((!from && !to) || (from && to && from.name === to.name)) {
        continue;
      }
      for (const protocol of PROTOCOLS) {
        for (const port of protocol === 'ICMP' ? [0] : PORTS) {
          const packet = { source, destination, protocol, port };
          found.push(...misreadings(rulesets, packet));
          const compiled = goesThrough(rulesets, packet, from?.node, to?.node);
          const decided = decide(cluster, source, destination, protocol, port).allowed;
          if (compiled !== decided) {
            found.push(
              `${source} to ${destination} ${protocol} ${port}: decide() ${decided}, rules ${compiled}`,
            );
          }
          // There are no Services of ICMP.
          for (const at of protocol === 'ICMP' ? [] : sendersOf(source, from?.node, nodes)) {
            if (goesThroughService(rulesets, podCidrs, packet, at, to?.node) !== decided) {
              found.push(
                `${source} to ${destination} ${protocol} ${port} by ipvs on ${at}: decide() ${decided}, rules ${!decided}`,
              );
            }
          }
        }
      }
    }
  }
  return found;
}

/** Returns a description of each decision of {@link evaluate} that is not the kernel's. */
function misreadings(rulesets: ReadonlyMap<string, Ruleset>, packet: Packet): string[] {
  const { source, destination, protocol, port } = packet;
  const named = protocol === 'ICMP' ? { protocol: undefined, port: undefined } : { protocol, port };
  return [...rulesets].flatMap(([node, ruleset]) =>
    (['egress', 'ingress'] as const).flatMap((direction: Direction) => {
      const evaluated = evaluate(ruleset, direction, { source, destination, ...named });
      return evaluated === undefined || evaluated.allowed === passes(ruleset, direction, packet, [])
        ? []
        : [
            `${source} to ${destination} ${protocol} ${port}: evaluate() for ${direction} on ${node} is wrong`,
          ];
    }),
  );
}

/** Passes a packet through the nodes of its ends. A node's own packets to its pods meet no rule. */
function goesThrough(
  rulesets: ReadonlyMap<string, Ruleset>,
  packet: Packet,
  fromNode: string | undefined,
  toNode: string | undefined,
): boolean {
  const leaves = fromNode === undefined || passes(rulesets.get(fromNode)!, 'egress', packet, POD_CIDRS);
  const ofOwnNode = toNode !== undefined && packet.source === nodeAddress(toNode);
  const enters =
    toNode === undefined || ofOwnNode || passes(rulesets.get(toNode)!, 'ingress', packet, POD_CIDRS);
  return leaves && enters;
}

/** Returns the nodes whose ipvs can take a packet to a Service: the node of its source, for other sources each one. */
function sendersOf(
  source: string,
  fromNode: string | undefined,
  nodes: readonly string[],
): readonly string[] {
  const own = fromNode ?? nodes.find((node) => nodeAddress(node) === source);
  return own === undefined ? nodes : [own];
}

/**
 * Passes a packet to a Service, as ipvs sends it on to the pod: through the output hook of that node, where both base
 * chains judge it except the node's own packets, then through the forward hook of the pod's node, if that is another one.
 */
function goesThroughService(
  rulesets: ReadonlyMap<string, Ruleset>,
  podCidrs: ReadonlyMap<string, Prefix[]>,
  packet: Packet,
  at: string,
  toNode: string | undefined,
): boolean {
  const judges = (node: string) =>
    (['egress', 'ingress'] as const).every((direction) =>
      passes(rulesets.get(node)!, direction, packet, podCidrs.get(node)!),
    );
  const isSent = packet.source === nodeAddress(at) || judges(at);
  return isSent && (toNode === undefined || toNode === at || judges(toNode));
}

/** Returns the pod network of a node: the addresses of its pods. */
function cidrsOf(owners: ReadonlyMap<string, { node: string }>, node: string): Prefix[] {
  return [...owners].filter(([, owner]) => owner.node === node).map(([address]) => hostPrefix(address));
}

/** Returns the pod of each address, and its node: of several pods, the youngest. */
function ownersOf({ pods }: Cluster): Map<string, { name: string; node: string }> {
  const owners = new Map<string, { name: string; node: string }>();
  const living = pods
    .filter(({ spec, status }) => !spec.hostNetwork && !/Succeeded|Failed/.test(status?.phase ?? ''))
    .map((pod) => ({ pod, name: `${pod.metadata.namespace}/${pod.metadata.name}` }))
    .sort((a, b) =>
      `${a.pod.metadata.creationTimestamp} ${a.name}` < `${b.pod.metadata.creationTimestamp} ${b.name}`
        ? -1
        : 1,
    );
  for (const { pod, name } of living) {
    for (const { ip } of pod.status?.podIPs ?? []) {
      owners.set(ip, { name, node: pod.spec.nodeName! });
    }
  }
  return owners;
}
