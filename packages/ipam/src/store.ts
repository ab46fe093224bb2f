/** The owner of an address: one attachment of a container to the network. */
export interface Owner {
  /** CNI_CONTAINERID. */
  containerID: string;
  /** CNI_IFNAME. Empty in reservations by host-local before 2018, which recorded only the container. */
  ifName: string;
}

/** An address and its owner. */
export interface Reservation extends Owner {
  /** Canonical text: '10.244.1.2', 'fd00::2'. */
  address: string;
  /** Time of the reservation in milliseconds since 1970-01-01 UTC, if the store knows it. */
  since?: number | undefined;
  /** 'namespace/name' of the pod, if known. */
  pod?: string | undefined;
}

/** An entry that is not a reservation. It is skipped and needs an operator. */
export interface Problem {
  /** Name in the store, such as a file name. */
  name: string;
  /** The problem and its remedy. */
  message: string;
}

/** The contents of a store. */
export interface Listing {
  reservations: Reservation[];
  problems: Problem[];
}

/** The owner of a new reservation, and further data to record. */
export interface Claim extends Owner {
  /** 'namespace/name' of the pod. */
  pod?: string | undefined;
}

/**
 * Storage of reservations. Addresses are canonical text. All methods except `list` and `taken` are called
 * inside `lock`. A custom store must pass the tests of `storeContract()` in `@cnikit/ipam/testing`.
 */
export interface Store {
  /**
   * Runs `body` under mutual exclusion with every process that uses the same reservations.
   *
   * @throws {IpamError} `LOCK_TIMEOUT`
   */
  lock<T>(body: () => T): T;
  /**
   * Reserves an address and records it as the last one of the range set. Returns false when it is taken.
   * Atomic, also when the process is killed.
   */
  reserve(address: string, claim: Claim, rangeSet: number): boolean;
  /**
   * Frees an address if that owner, or its container without interface name, holds it. Returns false if not.
   */
  release(address: string, owner: Owner): boolean;
  /**
   * Returns the addresses of an owner, and those of its container without interface name.
   *
   * @param reserving true when `reserve()` for that owner follows, so that the store may prepare it
   */
  find(owner: Owner, reserving?: boolean): string[];
  /** Returns the address last reserved in a range set. */
  last(rangeSet: number): string | undefined;
  /**
   * Returns all taken addresses, possibly with other names. Called when many candidates in a row are taken.
   */
  taken(): ReadonlySet<string>;
  /** Returns every reservation, and the entries that are not reservations. */
  list(): Listing;
  /**
   * Frees half-written reservations of crashed processes. Returns true if it has freed any. Called when a set
   * is exhausted.
   */
  reclaim?(): boolean;
  /** Does the same and removes all other orphaned data, at any cost. Called by garbage collection. */
  tidy?(): void;
  /**
   * Returns the names of orphaned data that `tidy()` would remove, such as the index of reservations that another program
   * has freed, or of a network whose directory is gone. Takes no lock, so a concurrent ADD may seem orphaned.
   */
  orphans?(): string[];
}
