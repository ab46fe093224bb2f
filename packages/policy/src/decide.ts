import { contains, type Family, parseAddress, parsePrefix } from '@cnikit/ip';
import type { NetworkPolicy, Peer, Pod, PolicyPort } from './api.ts';
import { checkCluster, checkEnd, checkFamily, checkService } from './arguments.ts';
import type { Cluster } from './cluster.ts';
import { addressPair, type Endpoint, findEndpoint } from './endpoints.ts';
import { podName } from './names.ts';
import { appliesTo, portsNamed, takesPod } from './selection.ts';

/** A transport protocol, or ICMP, which only a rule without `ports` allows. */
export type Protocol = 'TCP' | 'UDP' | 'SCTP' | 'ICMP';

/** Decision about a new connection, with the policies and rules that made it. */
export interface Verdict {
  allowed: boolean;
  egress: DirectionVerdict;
  ingress: DirectionVerdict;
}

/** The decision of one end: of the source's egress, or of the destination's ingress. */
export interface DirectionVerdict {
  allowed: boolean;
  /**
   * - `own-address`: a pod reaches itself
   * - `own-node`: a node reaches its own pods
   * - `not-a-pod`: policies do not select this end
   * - `not-isolated`: no policy selects the pod in this direction
   * - `rule`: a rule allows the connection
   * - `no-rule`: the pod is isolated and no rule allows the connection
   */
  reason: 'own-address' | 'own-node' | 'not-a-pod' | 'not-isolated' | 'rule' | 'no-rule';
  /** Policies that isolate the pod in this direction, as `namespace/name`. */
  policies: string[];
  /** Rules that allow the connection, by policy and place in `ingress` or `egress`. */
  rules: { policy: string; rule: number }[];
}

/**
 * Decides whether a new connection is allowed. The ends are pods, as `namespace/name` or Pod, or IP addresses. The
 * addresses are those after the translation of a Service and before masquerading. Replies follow their connection.
 *
 * @param port destination port, of the pod and not of a Service; without it, no rule that names ports matches
 * @param family the addresses to use between pods of two families; default: the first that both have
 * @throws {EndpointError} when an end does not exist, has finished, or shares no family with the other
 * @throws {ArgumentError} when an argument has another type, such as `'tcp'` for TCP or `'80'` for a port
 */
export function decide(
  cluster: Cluster,
  source: Pod | string,
  destination: Pod | string,
  protocol: Protocol,
  port?: number,
  family?: Family,
): Verdict {
  checkCluster(cluster);
  checkEnd(source);
  checkEnd(destination);
  checkService(protocol, port);
  checkFamily(family);
  const from = findEndpoint(cluster, source);
  const to = findEndpoint(cluster, destination);
  if (from.kind === 'pod' && to.kind === 'pod' && podName(from.pod) === podName(to.pod)) {
    return verdict(free('own-address'), free('own-address'));
  }
  const pair = addressPair(from, to, family);
  const egress = (): DirectionVerdict =>
    from.kind === 'pod'
      ? direction(cluster, from.pod, 'Egress', {
          peer: to,
          address: pair.destination,
          target: to,
          protocol,
          port,
        })
      : free('not-a-pod');
  const ingress = (): DirectionVerdict => {
    if (to.kind !== 'pod') {
      return free('not-a-pod');
    }
    if (from.kind === 'node' && from.node !== undefined && from.node === to.pod.spec.nodeName) {
      return free('own-node');
    }
    return direction(cluster, to.pod, 'Ingress', {
      peer: from,
      address: pair.source,
      target: to,
      protocol,
      port,
    });
  };
  return verdict(egress(), ingress());
}

function verdict(egress: DirectionVerdict, ingress: DirectionVerdict): Verdict {
  return { allowed: egress.allowed && ingress.allowed, egress, ingress };
}

function free(reason: DirectionVerdict['reason']): DirectionVerdict {
  return { allowed: true, reason, policies: [], rules: [] };
}

/** The other end of a connection, as one direction of a pod sees it. */
interface Remote {
  peer: Endpoint;
  address: string | undefined;
  /** Destination of the connection: the names of ports are its own. */
  target: Endpoint;
  protocol: Protocol;
  port: number | undefined;
}

function direction(cluster: Cluster, pod: Pod, type: 'Ingress' | 'Egress', remote: Remote): DirectionVerdict {
  const isolating = cluster.policies.filter(
    (policy) => appliesTo(policy, pod) && policyTypes(policy).includes(type),
  );
  if (isolating.length === 0) {
    return free('not-isolated');
  }
  const rules = isolating.flatMap((policy) => {
    const { namespace } = policy.metadata;
    const all =
      type === 'Ingress'
        ? (policy.spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
        : (policy.spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
    return all.flatMap(({ peers = [], ports = [] }, rule) =>
      (peers.length === 0 || peers.some((peer) => isPeer(cluster, peer, namespace, remote))) &&
      (ports.length === 0 || ports.some((port) => isPort(port, remote)))
        ? [{ policy: podName(policy), rule }]
        : [],
    );
  });
  const allowed = rules.length > 0;
  return { allowed, reason: allowed ? 'rule' : 'no-rule', policies: isolating.map(podName), rules };
}

/** Returns the directions that a policy isolates. The default is Ingress, and Egress where there are egress rules. */
function policyTypes({ spec }: NetworkPolicy): readonly ('Ingress' | 'Egress')[] {
  if (spec.policyTypes && spec.policyTypes.length > 0) {
    return spec.policyTypes;
  }
  return (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

function isPeer(cluster: Cluster, peer: Peer, namespace: string, remote: Remote): boolean {
  if (peer.ipBlock) {
    const { cidr, except = [] } = peer.ipBlock;
    const { address } = remote;
    return (
      address !== undefined && isWithin(address, cidr) && !except.some((block) => isWithin(address, block))
    );
  }
  return remote.peer.kind === 'pod' && takesPod(cluster, peer, namespace, remote.peer.pod);
}

function isWithin(address: string, cidr: string): boolean {
  return contains(parsePrefix(cidr)!, parseAddress(address)!);
}

function isPort({ protocol = 'TCP', port, endPort }: PolicyPort, remote: Remote): boolean {
  if (protocol !== remote.protocol) {
    return false;
  }
  if (port === undefined) {
    return true;
  }
  if (typeof port === 'number') {
    return remote.port !== undefined && port <= remote.port && remote.port <= (endPort ?? port);
  }
  return (
    remote.target.kind === 'pod' &&
    remote.port !== undefined &&
    portsNamed(remote.target.pod, port, protocol).includes(remote.port)
  );
}
