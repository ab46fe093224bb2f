/** Reads Pods, Namespaces and NetworkPolicies of the API, as far as policies depend on them. Pure. */
import { formatAddress, parseAddress } from '@cnikit/ip';
import type { Namespace } from '@cnikit/policy';
import { isPolicySpec, type NetworkPolicy } from '@cnikit/policy/compile';
import { CompactPod } from './compact-pod.ts';
import type { WatchedPod } from './pod-book.ts';

const ports = { name: true, containerPort: true, protocol: true } as const;
/** Annotation of the Pod that stands for a static pod. */
const MIRROR = 'kubernetes.io/config.mirror';

/** Fields of a Pod that {@link podReader} reads. */
export const podFields = {
  metadata: {
    name: true,
    namespace: true,
    uid: true,
    creationTimestamp: true,
    labels: true,
    annotations: { [MIRROR]: true },
  },
  spec: {
    nodeName: true,
    hostNetwork: true,
    containers: { ports },
    initContainers: { ports, restartPolicy: true },
  },
  status: { phase: true, podIPs: { ip: true }, podIP: true },
} as const;
export const namespaceFields = { metadata: { name: true, labels: true } } as const;
/** The whole spec: a field that this version does not know could restrict what the others allow. */
export const policyFields = { metadata: { name: true, namespace: true }, spec: true } as const;

type Json = Record<string, unknown>;

export const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.map(objectOf) : []);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Distinct values that are kept for sharing. */
const MAX_SHARED = 20_000;

/**
 * Returns a reader of Pods that shares equal labels and ports: the pods of a Deployment have the same. A field that the
 * API server would refuse counts as absent.
 */
export function podReader(): (value: unknown) => WatchedPod {
  const shared = new Map<string, unknown>();
  const share = <T>(value: T): T => {
    const key = JSON.stringify(value);
    const known = shared.get(key);
    if (known !== undefined) {
      return known as T;
    }
    if (shared.size >= MAX_SHARED) {
      shared.clear();
    }
    shared.set(key, value);
    return value;
  };
  return (value) => {
    const { metadata, spec, status } = objectOf(value) as Record<string, unknown>;
    const meta = objectOf(metadata);
    const { nodeName, hostNetwork, containers, initContainers } = objectOf(spec);
    const { phase, podIPs, podIP } = objectOf(status);
    const ips = listOf(podIPs).map(({ ip }) => ip);
    return {
      uid: textOf(meta.uid) ?? '',
      mirrored: textOf(objectOf(meta.annotations)[MIRROR]),
      pod: new CompactPod({
        namespace: textOf(meta.namespace) ?? 'default',
        name: textOf(meta.name) ?? '',
        labels: share(labelsOf(meta.labels)),
        created: textOf(meta.creationTimestamp),
        nodeName: textOf(nodeName),
        hostNetwork: hostNetwork === true,
        containers: share([
          {
            ports: [
              ...listOf(containers),
              ...listOf(initContainers).filter(({ restartPolicy }) => restartPolicy === 'Always'),
            ].flatMap((container) => listOf(container.ports).flatMap(namedPort)),
          },
        ]),
        phase: textOf(phase),
        addresses: (ips.length > 0 ? ips : [podIP]).flatMap((ip) => {
          const bytes = parseAddress(textOf(ip) ?? '');
          return bytes ? [formatAddress(bytes)] : [];
        }),
      }),
    };
  };
}

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;

function namedPort({ name, containerPort, protocol = 'TCP' }: Json) {
  const known = PROTOCOLS.find((one) => one === protocol);
  return typeof name === 'string' && typeof containerPort === 'number' && known !== undefined
    ? [{ name, containerPort, protocol: known }]
    : [];
}

function labelsOf(value: unknown): Record<string, string> {
  const texts = Object.entries(objectOf(value)).filter(([, text]) => typeof text === 'string');
  return Object.fromEntries(texts) as Record<string, string>;
}

export function readNamespace(value: unknown): Namespace {
  const { name, labels } = objectOf(objectOf(value).metadata);
  return { kind: 'Namespace', metadata: { name: textOf(name) ?? '', labels: labelsOf(labels) } };
}

/** A NetworkPolicy of the API. */
export interface WatchedPolicy {
  policy: NetworkPolicy;
  /** The fault of an object that cannot be read. `policy` then denies every connection of the pods it selects. */
  fault?: string | undefined;
}

/** Reads a policy. Returns undefined for one that `readPolicy()` has to explain: its schemas take memory. */
export function readValidPolicy(value: unknown): WatchedPolicy | undefined {
  const { metadata, spec } = objectOf(value);
  return isPolicySpec(spec) ? { policy: policyOf(metadata, spec) } : undefined;
}

/** Returns a policy as the compiler takes it. */
export function policyOf(metadata: unknown, spec: NetworkPolicy['spec']): NetworkPolicy {
  const { name, namespace } = objectOf(metadata);
  return {
    kind: 'NetworkPolicy',
    metadata: { name: textOf(name) ?? '', namespace: textOf(namespace) ?? 'default' },
    spec,
  };
}
