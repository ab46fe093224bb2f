/**
 * The fields of Kubernetes objects that NetworkPolicy depends on, as the API returns them. Objects of any client have
 * these shapes; other fields are ignored.
 *
 * @module
 */
import type { LabelSelector, Labels } from './labels.ts';

/** A protocol that `ports[]` of a policy can name. */
export type PortProtocol = 'TCP' | 'UDP' | 'SCTP';

interface Meta {
  name: string;
  labels?: Labels | undefined;
}

interface NamespacedMeta extends Meta {
  namespace: string;
}

/** A Pod of `v1`. */
export interface Pod {
  kind: 'Pod';
  metadata: NamespacedMeta & { creationTimestamp?: string | null | undefined };
  spec: {
    nodeName?: string | undefined;
    hostNetwork?: boolean | undefined;
    containers: readonly Container[];
    initContainers?: readonly Container[] | undefined;
  };
  status?:
    | {
        phase?: string | undefined;
        podIP?: string | undefined;
        podIPs?: readonly { ip: string }[] | undefined;
        hostIP?: string | undefined;
        hostIPs?: readonly { ip: string }[] | undefined;
      }
    | undefined;
}

/** A container of a {@link Pod}. An init container with `restartPolicy: Always` is a sidecar. */
export interface Container {
  ports?: readonly ContainerPort[] | undefined;
  restartPolicy?: string | undefined;
}

/** A port of a {@link Container}. The default protocol is TCP. */
export interface ContainerPort {
  name?: string | undefined;
  containerPort: number;
  protocol?: PortProtocol | undefined;
}

/** A Namespace of `v1`. */
export interface Namespace {
  kind: 'Namespace';
  metadata: Meta;
}

/** A Node of `v1`. */
export interface Node {
  kind: 'Node';
  metadata: Meta;
  status?: { addresses?: readonly { type: string; address: string }[] | undefined } | undefined;
}

/** A NetworkPolicy of `networking.k8s.io/v1`. */
export interface NetworkPolicy {
  kind: 'NetworkPolicy';
  metadata: NamespacedMeta;
  spec: {
    podSelector?: LabelSelector | undefined;
    policyTypes?: readonly ('Ingress' | 'Egress')[] | undefined;
    ingress?: readonly IngressRule[] | undefined;
    egress?: readonly EgressRule[] | undefined;
  };
}

/** Rule of a direction: without `from`, any source; without `ports`, any protocol and port. */
export interface IngressRule {
  from?: readonly Peer[] | undefined;
  ports?: readonly PolicyPort[] | undefined;
}

/** Rule of a direction: without `to`, any destination; without `ports`, any protocol and port. */
export interface EgressRule {
  to?: readonly Peer[] | undefined;
  ports?: readonly PolicyPort[] | undefined;
}

/** Source or destination of a rule: an `ipBlock`, or pods by the labels of theirs and of their namespace. */
export interface Peer {
  podSelector?: LabelSelector | undefined;
  namespaceSelector?: LabelSelector | undefined;
  ipBlock?: { cidr: string; except?: readonly string[] | undefined } | undefined;
}

/** Port of a rule, by number or by the name of a container port. `endPort` ends a range that includes it. */
export interface PolicyPort {
  protocol?: PortProtocol | undefined;
  port?: number | string | undefined;
  endPort?: number | undefined;
}

/** An object that decisions depend on. */
export type ClusterObject = Pod | Namespace | Node | NetworkPolicy;
