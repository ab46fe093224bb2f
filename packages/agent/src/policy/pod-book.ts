/** Pods of the API and pods that the plugin reported, and the addresses that belong to each. Pure. */
import { formatAddress, parseAddress } from '@cnikit/ip';
import type { Pod, PolicyEvent } from '@cnikit/policy';
import { ForeignEnds } from './foreign-ends.ts';
import type { LocalPod } from './local-pods.ts';

/** A Pod of the API. */
export interface WatchedPod {
  uid: string;
  /** UID that the kubelet gave to the static pod that this one mirrors. The runtime knows only that. */
  mirrored?: string | undefined;
  pod: Pod;
}

interface Claim {
  key: string;
  uid: string | undefined;
  addresses: readonly string[];
}

export class PodBook {
  /** Pods that may send from other source addresses. */
  readonly foreign = new ForeignEnds();
  readonly #node: string;
  readonly #pods = new Map<string, WatchedPod>();
  /** Pods that the API gives each address to. Nearly always it is one, which needs no list. */
  readonly #byAddress = new Map<string, string | readonly string[]>();
  readonly #claims = new Map<string, Claim>();
  /** Containers that claim each address, the latest last. */
  readonly #claimants = new Map<string, string[]>();
  /** UIDs of pods whose container was released: the API gives them their address for a while. */
  readonly #released = new Set<string>();

  constructor(node: string) {
    this.#node = node;
  }

  /** Takes a pod of the API, or its deletion. Returns the events of all pods that it concerns. */
  put(key: string, pod: WatchedPod | undefined): PolicyEvent[] {
    const before = this.#pods.get(key);
    if (before !== undefined) {
      this.#index(before, (keys) => keys.filter((other) => other !== key));
      if (before.uid !== pod?.uid) {
        this.#released.delete(before.uid);
        this.#released.delete(before.mirrored ?? '');
      }
    }
    if (pod === undefined) {
      this.#pods.delete(key);
      return before === undefined ? [] : [{ type: 'delete', object: before.pod }];
    }
    this.#pods.set(key, pod);
    this.#index(pod, (keys) => [...keys, key]);
    return this.#events([key]);
  }

  keys(): Iterable<string> {
    return this.#pods.keys();
  }

  /**
   * Takes a pod that the plugin attached.
   *
   * @throws {RangeError} when an address is not an IP address
   */
  claim({ namespace, name, uid, containerId, addresses, foreignEnds }: LocalPod): PolicyEvent[] {
    const own = addresses.map(canonicalAddress);
    const key = `${namespace}/${name}`;
    const concerned = this.#forget(containerId);
    this.#claims.set(containerId, { key, uid, addresses: own });
    this.foreign.claim(containerId, own, foreignEnds);
    if (uid !== undefined) {
      this.#released.delete(uid);
    }
    for (const address of own) {
      const claimants = this.#claimants.get(address) ?? [];
      this.#claimants.set(address, [...claimants, containerId]);
    }
    return this.#events([...concerned, ...this.#concerned(key, own)]);
  }

  /** Takes back a claim. From then on the pod has no address, although the API reports one for a while. */
  release(containerId: string): PolicyEvent[] {
    const claim = this.#claims.get(containerId);
    if (claim === undefined) {
      return [];
    }
    const concerned = this.#forget(containerId);
    const pod = this.#pods.get(claim.key);
    if (pod !== undefined && isOf(claim, pod) && this.#claimsOf(claim.key, pod).length === 0) {
      this.#released.add(claim.uid ?? pod.uid);
    }
    return this.#events(concerned);
  }

  /** Returns whether the Pod of a claim is known from the API. */
  isKnown(containerId: string): boolean {
    const claim = this.#claims.get(containerId);
    const pod = claim && this.#pods.get(claim.key);
    return pod !== undefined && isOf(claim!, pod);
  }

  /** Returns the pod that has an address, as `namespace/name`. */
  podAt(address: string): string | undefined {
    const claimant = this.#claimants.get(address)?.at(-1);
    return claimant === undefined
      ? this.#keysAt(address).find((key) => this.#hasAddress(this.#pods.get(key)!))
      : this.#claims.get(claimant)!.key;
  }

  /** Returns whether a pod without a claim has the addresses that the API reports. */
  #hasAddress({ uid, mirrored, pod: { spec, status } }: WatchedPod): boolean {
    const finished = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    return !finished && !spec.hostNetwork && !this.#released.has(uid) && !this.#released.has(mirrored ?? '');
  }

  #forget(containerId: string): Set<string> {
    const claim = this.#claims.get(containerId);
    if (claim === undefined) {
      return new Set();
    }
    this.#claims.delete(containerId);
    this.foreign.release(containerId);
    for (const address of claim.addresses) {
      const others = this.#claimants.get(address)?.filter((one) => one !== containerId) ?? [];
      if (others.length === 0) {
        this.#claimants.delete(address);
      } else {
        this.#claimants.set(address, others);
      }
    }
    return this.#concerned(claim.key, claim.addresses);
  }

  /** Returns the pods whose addresses can change with a claim. */
  #concerned(key: string, addresses: readonly string[]): Set<string> {
    const keys = new Set([key]);
    for (const address of addresses) {
      for (const other of this.#keysAt(address)) {
        keys.add(other);
      }
      for (const containerId of this.#claimants.get(address) ?? []) {
        keys.add(this.#claims.get(containerId)!.key);
      }
    }
    return keys;
  }

  #events(keys: Iterable<string>): PolicyEvent[] {
    return [...new Set(keys)].flatMap((key): PolicyEvent[] => {
      const watched = this.#pods.get(key);
      return watched === undefined ? [] : [{ type: 'put', object: this.#effective(key, watched) }];
    });
  }

  /** Returns the pod with the addresses that belong to it. */
  #effective(key: string, watched: WatchedPod): Pod {
    const { pod, uid, mirrored } = watched;
    const claims = this.#claimsOf(key, watched);
    if (claims.length > 0) {
      const addresses = claims.flatMap(([containerId, claim]) =>
        claim.addresses.filter((address) => this.#claimants.get(address)?.at(-1) === containerId),
      );
      return withAddresses(pod, addresses, this.#node);
    }
    if (this.#released.has(uid) || (mirrored !== undefined && this.#released.has(mirrored))) {
      return withAddresses(pod, []);
    }
    const all = statusAddresses(pod);
    const own = all.filter((address) => !this.#claimants.has(address));
    return own.length === all.length ? pod : withAddresses(pod, own);
  }

  #claimsOf(key: string, pod: WatchedPod): [containerId: string, claim: Claim][] {
    // A node has a few hundred claims, and pods of other nodes come and go more often than they do.
    return pod.pod.spec.nodeName !== undefined && pod.pod.spec.nodeName !== this.#node
      ? []
      : [...this.#claims].filter(([, claim]) => claim.key === key && isOf(claim, pod));
  }

  #keysAt(address: string): readonly string[] {
    const keys = this.#byAddress.get(address) ?? [];
    return typeof keys === 'string' ? [keys] : keys;
  }

  #index({ pod }: WatchedPod, change: (keys: readonly string[]) => readonly string[]): void {
    for (const address of statusAddresses(pod)) {
      const keys = change(this.#keysAt(address));
      if (keys.length === 0) {
        this.#byAddress.delete(address);
      } else {
        this.#byAddress.set(address, keys.length === 1 ? keys[0]! : keys);
      }
    }
  }
}

const isOf = ({ uid }: Claim, pod: WatchedPod): boolean =>
  uid === undefined || uid === pod.uid || uid === pod.mirrored;

const statusAddresses = ({ status }: Pod): string[] => status?.podIPs?.map(({ ip }) => ip) ?? [];

const withAddresses = (
  { kind, metadata, spec, status }: Pod,
  addresses: readonly string[],
  nodeName: string | undefined = spec.nodeName,
): Pod => ({
  kind,
  metadata,
  spec: { ...spec, nodeName },
  status: { phase: status?.phase, podIPs: addresses.map((ip) => ({ ip })) },
});

function canonicalAddress(text: string): string {
  const bytes = parseAddress(text);
  if (bytes === undefined) {
    throw new RangeError(`"${text}" is not an IP address`);
  }
  return formatAddress(bytes);
}
