/** Pods and NetworkPolicies as in a cluster of many teams: each namespace has its own apps, policies and labels. */
import { type ClusterObject, readObject } from '@cnikit/policy';

export const NODE = 'n1';
/** Pod network of the node. */
export const POD_CIDRS = ['10.0.0.0/8', 'fd00::/16'];
const PODS_PER_NAMESPACE = 100;
const APPS = 20;
const TEAMS = 10;

export interface Size {
  pods: number;
  policies: number;
  /** Pods on the node whose rules are compiled; the others are on other nodes. */
  local: number;
}

export const namespaceName = (i: number): string => `ns-${i}`;

/** Yields every object, checked. */
export function* objects(size: Size): Generator<ClusterObject> {
  for (const value of rawObjects(size)) {
    yield readObject(value)!;
  }
}

/** An object as the API returns it. */
export interface RawObject {
  kind: 'Namespace' | 'Pod' | 'NetworkPolicy';
  metadata: object;
}

/** Yields every object as the API returns it. */
export function* rawObjects(size: Size): Generator<RawObject> {
  const namespaces = Math.ceil(size.pods / PODS_PER_NAMESPACE);
  for (let i = 0; i < namespaces; i++) {
    yield rawNamespace(i, { team: `team-${i % TEAMS}` });
  }
  for (let i = 0; i < size.pods; i++) {
    const namespace = namespaceName(Math.floor(i / PODS_PER_NAMESPACE));
    yield rawPod(namespace, i, i < size.local ? NODE : `node-${i % 1000}`);
  }
  for (let i = 0; i < size.policies; i++) {
    yield rawPolicy(i, namespaces);
  }
}

export function namespaceObject(i: number, labels: Record<string, string>): ClusterObject {
  return readObject(rawNamespace(i, labels))!;
}

export function podObject(namespace: string, i: number, nodeName: string): ClusterObject {
  return readObject(rawPod(namespace, i, nodeName))!;
}

function rawNamespace(i: number, labels: Record<string, string>): RawObject {
  return { kind: 'Namespace', metadata: { name: namespaceName(i), labels } };
}

function rawPod(namespace: string, i: number, nodeName: string) {
  return {
    kind: 'Pod' as const,
    metadata: {
      namespace,
      name: `pod-${i}`,
      labels: { app: `app-${i % APPS}`, tier: i % 2 ? 'front' : 'back', 'pod-template-hash': '5d4f8c7b9' },
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: { nodeName, containers: [{ ports: [{ name: 'http', containerPort: 8000 + (i % 3) }] }] },
    status: {
      phase: 'Running',
      podIPs: [
        { ip: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}` },
        { ip: `fd00::${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}` },
      ],
    },
  };
}

/** A policy admits an app of its namespace to one port, a team to a named port, and a block of addresses to a range. */
function rawPolicy(i: number, namespaces: number) {
  const app = (number: number) => ({ matchLabels: { app: `app-${number % APPS}` } });
  return {
    kind: 'NetworkPolicy' as const,
    metadata: { namespace: namespaceName(i % namespaces), name: `policy-${i}` },
    spec: {
      podSelector: app(Math.floor(i / namespaces)),
      policyTypes: i % 4 === 0 ? ['Ingress', 'Egress'] : ['Ingress'],
      ingress: [
        { from: [{ podSelector: app(i + 1) }], ports: [{ port: 8000 }, { protocol: 'UDP', port: 53 }] },
        {
          from: [{ namespaceSelector: { matchLabels: { team: `team-${i % TEAMS}` } } }],
          ports: [{ port: 'http' }],
        },
        {
          from: [
            { ipBlock: { cidr: `172.${16 + (i % 16)}.0.0/16`, except: [`172.${16 + (i % 16)}.9.0/24`] } },
          ],
          ports: [{ port: 9000, endPort: 9100 }],
        },
      ],
      ...(i % 4 === 0 && { egress: [{ to: [{ podSelector: app(i + 2) }] }] }),
    },
  };
}
