import type { NetworkPolicy, Peer, Pod, PolicyPort } from './api.ts';
import { checkCluster } from './arguments.ts';
import type { Cluster } from './cluster.ts';
import { decide } from './decide.ts';
import { endpointOf, shareFamily } from './endpoints.ts';
import type { Service } from './matrix.ts';
import { podName } from './names.ts';
import { appliesTo, podsOfPolicies, portsNamed, takesPod } from './selection.ts';

/** A part of a policy that has no effect, which is most often a typing error. */
export interface Finding {
  /** The policy as `namespace/name`. */
  policy: string;
  /** Place in the policy, such as `spec.ingress[0].from[1]`. */
  field: string;
  message: string;
}

/** Connections to decide for one egress rule; one with more counts as effective. */
const MAX_QUESTIONS = 10_000;

interface Rule {
  field: string;
  peersField: string;
  peers: readonly Peer[];
  ports: readonly PolicyPort[];
}

/**
 * Finds what has no effect: policies that select no pod, peers that no pod matches, port names that no pod has, and
 * rules whose every connection the other end denies.
 *
 * @throws {ArgumentError} when the argument is not a cluster
 */
export function findings(cluster: Cluster): Finding[] {
  checkCluster(cluster);
  const pods = podsOfPolicies(cluster);
  return cluster.policies.flatMap((policy) => {
    const subjects = pods.filter((pod) => appliesTo(policy, pod));
    const found = (field: string, message: string) => ({ policy: podName(policy), field, message });
    if (subjects.length === 0) {
      return [found('spec.podSelector', `Selects no pod of namespace ${policy.metadata.namespace}`)];
    }
    return rulesOf(policy).flatMap((rule) => [
      ...rule.peers.flatMap((peer, index) =>
        peer.ipBlock || peersOf(cluster, pods, policy, peer).length > 0
          ? []
          : [found(`${rule.field}.${rule.peersField}[${index}]`, 'Matches no pod')],
      ),
      ...rule.ports.flatMap((port, index) => {
        const { port: name, protocol = 'TCP' } = port;
        const targets = rule.peersField === 'from' ? subjects : targetsOf(cluster, pods, policy, rule);
        return typeof name !== 'string' || targets.some((pod) => portsNamed(pod, name, protocol).length > 0)
          ? []
          : [found(`${rule.field}.ports[${index}]`, `No destination has a ${protocol} port named ${name}`)];
      }),
      ...(isContradicted(cluster, pods, policy, subjects, rule)
        ? [found(rule.field, `Each pod that this rule allows denies the connection at its ${otherEnd(rule)}`)]
        : []),
    ]);
  });
}

function rulesOf({ spec }: NetworkPolicy): Rule[] {
  return [
    ...(spec.ingress ?? []).map(({ from = [], ports = [] }, index) => ({
      field: `spec.ingress[${index}]`,
      peersField: 'from',
      peers: from,
      ports,
    })),
    ...(spec.egress ?? []).map(({ to = [], ports = [] }, index) => ({
      field: `spec.egress[${index}]`,
      peersField: 'to',
      peers: to,
      ports,
    })),
  ];
}

function peersOf(cluster: Cluster, pods: readonly Pod[], { metadata }: NetworkPolicy, peer: Peer): Pod[] {
  return pods.filter((pod) => takesPod(cluster, peer, metadata.namespace, pod));
}

/** Pods that an egress rule can allow. A rule without peers, or with an ipBlock, can allow all. */
function targetsOf(cluster: Cluster, pods: readonly Pod[], policy: NetworkPolicy, { peers }: Rule): Pod[] {
  return peers.length === 0 || peers.some(({ ipBlock }) => ipBlock)
    ? [...pods]
    : peers.flatMap((peer) => peersOf(cluster, pods, policy, peer));
}

/** Returns the direction of a rule's connections at the pods that it allows. */
const otherEnd = ({ peersField }: Rule): 'ingress' | 'egress' => (peersField === 'to' ? 'ingress' : 'egress');

/** Returns whether each pod that a rule names denies all of its connections. */
function isContradicted(
  cluster: Cluster,
  pods: readonly Pod[],
  policy: NetworkPolicy,
  subjects: readonly Pod[],
  rule: Rule,
): boolean {
  const isEgress = rule.peersField === 'to';
  if (rule.peers.length === 0 || rule.peers.some(({ ipBlock }) => ipBlock)) {
    return false;
  }
  // Clients of an ingress rule without ports can be allowed to reach ports that no container declares.
  if (!isEgress && rule.ports.length === 0) {
    return false;
  }
  let asked = 0;
  for (const target of targetsOf(cluster, pods, policy, rule)) {
    for (const subject of subjects) {
      if (subject === target || !shareFamily(endpointOf(subject), endpointOf(target))) {
        continue;
      }
      const [source, destination] = isEgress ? [subject, target] : [target, subject];
      for (const { protocol, port } of servicesOf(rule, destination)) {
        if (++asked > MAX_QUESTIONS) {
          return false;
        }
        if (decide(cluster, source, destination, protocol, port)[otherEnd(rule)].allowed) {
          return false;
        }
      }
    }
  }
  return asked > 0;
}

/** Connections that a rule allows to a pod: of a rule without ports, those to declared ports, and ICMP. */
function servicesOf({ ports }: Rule, target: Pod): Service[] {
  if (ports.length === 0) {
    const declared = target.spec.containers.flatMap((container) => container.ports ?? []);
    return [
      { protocol: 'ICMP' },
      ...declared.map(({ protocol = 'TCP', containerPort }) => ({ protocol, port: containerPort })),
    ];
  }
  return ports.flatMap((port) => {
    const protocol = port.protocol ?? 'TCP';
    const numbers = typeof port.port === 'string' ? portsNamed(target, port.port, protocol) : [port.port];
    return numbers.map((number) => ({ protocol, port: number }));
  });
}
