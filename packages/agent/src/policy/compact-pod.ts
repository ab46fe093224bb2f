import type { Container, Pod } from '@cnikit/policy';

/** The fields of a {@link CompactPod}. */
export type PodFields = Pick<
  CompactPod,
  | 'namespace'
  | 'name'
  | 'labels'
  | 'created'
  | 'nodeName'
  | 'hostNetwork'
  | 'containers'
  | 'phase'
  | 'addresses'
>;

/**
 * A Pod in one object and one list, half the memory of the API's shape. The agent keeps the pods of the whole cluster and
 * reads each of them a few times only.
 */
export class CompactPod implements Pod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly created: string | undefined;
  readonly nodeName: string | undefined;
  readonly hostNetwork: boolean;
  readonly containers: readonly Container[];
  readonly phase: string | undefined;
  readonly addresses: readonly string[];

  constructor(fields: PodFields) {
    this.namespace = fields.namespace;
    this.name = fields.name;
    this.labels = fields.labels;
    this.created = fields.created;
    this.nodeName = fields.nodeName;
    this.hostNetwork = fields.hostNetwork;
    this.containers = fields.containers;
    this.phase = fields.phase;
    this.addresses = fields.addresses;
  }

  get kind(): 'Pod' {
    return 'Pod';
  }

  get metadata(): Pod['metadata'] {
    const { namespace, name, labels, created } = this;
    return { namespace, name, labels, creationTimestamp: created };
  }

  get spec(): Pod['spec'] {
    const { nodeName, hostNetwork, containers } = this;
    return { nodeName, hostNetwork: hostNetwork || undefined, containers };
  }

  get status(): NonNullable<Pod['status']> {
    return { phase: this.phase, podIPs: this.addresses.map((ip) => ({ ip })) };
  }
}
