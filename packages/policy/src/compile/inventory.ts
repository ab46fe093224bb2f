import type { ClusterObject, NetworkPolicy } from '../api.ts';
import { checkChoice } from '../arguments.ts';
import { ArgumentError } from '../errors.ts';
import { type Labels, matches, namespaceLabels } from '../labels.ts';
import { type PodTraits, TraitsPool } from './pod-traits.ts';
import type { Selection } from './policy-rules.ts';
import { isSameRecord, keyOf, type PodRecord, readPod } from './records.ts';
import { stableJson } from './registry.ts';
import { takes } from './selection-index.ts';

/** A change of the API. */
export interface PolicyEvent {
  type: 'put' | 'delete';
  object: ClusterObject;
}

/** Addresses and policies that an event can concern. */
export interface Touched {
  addresses: Set<string>;
  policies: Set<string>;
  /** Namespaces whose pods of this node are all in `addresses`. */
  namespaces: Set<string>;
}

/** The objects of the cluster, by the keys that the compiler needs. */
export class Inventory {
  readonly #node: string;
  readonly #namespaces = new Map<string, Labels>();
  readonly #pods = new Map<string, PodRecord>();
  readonly #podsByNamespace = new Map<string, Set<PodRecord>>();
  readonly #traits = new TraitsPool();
  /**
   * Pods that claim an address. The API lists a pod for a time after its address has gone to another one. Nearly always
   * it is one, which needs no list.
   */
  readonly #claims = new Map<string, PodRecord | readonly PodRecord[]>();
  readonly #policies = new Map<string, NetworkPolicy>();
  readonly #policiesByNamespace = new Map<string, Set<string>>();

  constructor(node: string) {
    this.#node = node;
  }

  /** Records a change, and adds to `touched` what it can concern. */
  record({ type, object }: PolicyEvent, touched: Touched): void {
    checkChoice('event type', type, ['put', 'delete']);
    switch (object?.kind) {
      case 'Pod':
        this.#recordPod(
          keyOf(object.metadata),
          type === 'put' ? readPod(object, this.#traits) : undefined,
          touched,
        );
        break;
      case 'Namespace': {
        const { name, labels } = object.metadata;
        this.#recordNamespace(name, type === 'put' ? labels : undefined, touched);
        break;
      }
      case 'NetworkPolicy':
        this.#recordPolicy(object, type === 'put', touched);
        break;
      case 'Node':
        break;
      default:
        throw new ArgumentError('object', object, 'expected what readObject() returns');
    }
  }

  policy(key: string): NetworkPolicy | undefined {
    return this.#policies.get(key);
  }

  /** Returns the pod that has an address: of several that claim it, the youngest. */
  owner(address: string): PodRecord | undefined {
    const claims = this.#claims.get(address);
    if (!Array.isArray(claims)) {
      return claims as PodRecord | undefined;
    }
    let owner: PodRecord | undefined;
    for (const pod of claims as readonly PodRecord[]) {
      if (!owner || pod.created > owner.created || (pod.created === owner.created && pod.key > owner.key)) {
        owner = pod;
      }
    }
    return owner;
  }

  isLocal(pod: PodRecord): boolean {
    return pod.node === this.#node;
  }

  namespaceLabels(namespace: string): Labels {
    return namespaceLabels(namespace, this.#namespaces.get(namespace));
  }

  /** Returns the keys of the policies that select a pod, sorted. */
  policiesOf({ namespace, labels }: PodTraits): string[] {
    return [...(this.#policiesByNamespace.get(namespace) ?? [])]
      .filter((key) => matches(this.#policies.get(key)!.spec.podSelector ?? {}, labels))
      .sort();
  }

  /** Returns the pods that a selection takes. */
  *podsIn(selection: Selection): Generator<PodRecord> {
    const namespaces =
      typeof selection.namespace === 'string' ? [selection.namespace] : this.#podsByNamespace.keys();
    for (const namespace of namespaces) {
      const labels = this.namespaceLabels(namespace);
      for (const pod of this.#podsByNamespace.get(namespace) ?? []) {
        if (takes(selection, namespace, labels, pod.traits.labels)) {
          yield pod;
        }
      }
    }
  }

  pods(): Iterable<PodRecord> {
    return this.#pods.values();
  }

  #recordPod(key: string, pod: PodRecord | undefined, touched: Touched): void {
    const old = this.#pods.get(key);
    if (old && pod && isSameRecord(old, pod)) {
      this.#traits.release(pod.traits);
      return;
    }
    if (old) {
      this.#pods.delete(key);
      deleteFrom(this.#podsByNamespace, old.traits.namespace, old);
      this.#traits.release(old.traits);
      for (const address of old.addresses) {
        this.#setClaims(
          address,
          this.#claimsOf(address).filter((pod) => pod !== old),
        );
        touched.addresses.add(address);
      }
    }
    if (pod) {
      this.#pods.set(key, pod);
      addTo(this.#podsByNamespace, pod.traits.namespace, pod);
      for (const address of pod.addresses) {
        const others = this.#claimsOf(address);
        this.#setClaims(address, others.length > 0 ? [...others, pod] : [pod]);
        touched.addresses.add(address);
      }
    }
  }

  #claimsOf(address: string): readonly PodRecord[] {
    const claims = this.#claims.get(address) ?? [];
    return Array.isArray(claims) ? (claims as readonly PodRecord[]) : [claims as PodRecord];
  }

  #setClaims(address: string, pods: readonly PodRecord[]): void {
    if (pods.length > 0) {
      this.#claims.set(address, pods.length === 1 ? pods[0]! : pods);
    } else {
      this.#claims.delete(address);
    }
  }

  #recordNamespace(name: string, labels: Labels | undefined, touched: Touched): void {
    const before = stableJson(this.namespaceLabels(name));
    if (labels) {
      this.#namespaces.set(name, labels);
    } else {
      this.#namespaces.delete(name);
    }
    if (stableJson(this.namespaceLabels(name)) !== before) {
      touchPods(this.#podsByNamespace.get(name) ?? [], touched);
    }
  }

  #recordPolicy(policy: NetworkPolicy, exists: boolean, touched: Touched): void {
    const key = keyOf(policy.metadata);
    const { namespace } = policy.metadata;
    if (exists) {
      this.#policies.set(key, policy);
      addTo(this.#policiesByNamespace, namespace, key);
    } else {
      this.#policies.delete(key);
      deleteFrom(this.#policiesByNamespace, namespace, key);
    }
    touched.policies.add(key);
    if (!touched.namespaces.has(namespace)) {
      touched.namespaces.add(namespace);
      const local = [...(this.#podsByNamespace.get(namespace) ?? [])].filter((pod) => this.isLocal(pod));
      touchPods(local, touched);
    }
  }
}

/** Adds the addresses of pods. */
export function touchPods(pods: Iterable<PodRecord>, { addresses }: Touched): void {
  for (const pod of pods) {
    for (const address of pod.addresses) {
      addresses.add(address);
    }
  }
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set) {
    set.add(value);
  } else {
    sets.set(key, new Set([value]));
  }
}

function deleteFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set?.delete(value) && set.size === 0) {
    sets.delete(key);
  }
}
