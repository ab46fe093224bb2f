/** Who holds an address: one attachment of a container to the network. */
export interface Owner {
  /** CNI_CONTAINERID. */
  containerID: string;
  /** CNI_IFNAME. Empty in reservations of hosts older than 2018, which noted the container alone. */
  ifName: string;
}

/** An address and its owner. */
export interface Reservation extends Owner {
  /** Canonical text: '10.244.1.2', 'fd00::2'. */
  address: string;
  /** When it was made, in milliseconds since 1970-01-01 UTC, where the store knows it. */
  since?: number;
  /** 'namespace/name' of the pod, where it was told. */
  pod?: string;
}

/** Something among the reservations that is none: skipped, and for a person to look at. */
export interface Problem {
  /** What it is called in the store, for example a file's name. */
  name: string;
  /** What is wrong and what to do. */
  message: string;
}

/** Everything a store holds. */
export interface Listing {
  reservations: Reservation[];
  problems: Problem[];
}

/** Who asks for an address, and what else to note. */
export interface Claim extends Owner {
  /** 'namespace/name' of the pod. */
  pod?: string;
}

/**
 * Where reservations live. Addresses are canonical text. All methods but `list` and `taken` are
 * called inside `lock`. A new store passes the cases of `storeContract` in `@cnikit/ipam/testing`.
 */
export interface Store {
  /** Runs `body` while nobody else, in whatever process, is inside `lock` of the same state. Throws IpamError LOCK_TIMEOUT. */
  lock<T>(body: () => T): T;
  /** Takes an address and notes it as the last one of the range set; false when it is taken. All or nothing, even when killed. */
  reserve(address: string, claim: Claim, rangeSet: number): boolean;
  /** Frees an address if that owner, or its container under no interface name, holds it; false when not. */
  release(address: string, owner: Owner): boolean;
  /** The addresses of an owner, also those held by its container under no interface name. */
  find(owner: Owner): string[];
  /** The address reserved last in a range set. */
  last(rangeSet: number): string | undefined;
  /** All taken addresses; may hold other names. For when many candidates in a row were taken. */
  taken(): ReadonlySet<string>;
  /** Every reservation, and what is none. */
  list(): Listing;
  /** Frees what a crash left half-made and nobody owns; true if there was any. Called when a set is exhausted. */
  reclaim?(): boolean;
  /** The same, and removes whatever else belongs to nobody, at any price. Called by garbage collection. */
  tidy?(): void;
}
