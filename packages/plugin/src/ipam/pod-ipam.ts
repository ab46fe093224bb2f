import type { CheckedConfig, Dns, IpConfig, Route } from '@cnikit/cni-spec';
import type { AddressInUse } from '@cnikit/ipam/file-store';

/** The addresses, routes and DNS settings that IPAM gave to one attachment. */
export interface Allocation {
  ips: readonly IpConfig[];
  routes: readonly Route[];
  dns?: Dns | undefined;
}

/** The reservation of an address, without prefix length. */
export interface Reservation {
  containerID: string;
  /** Empty when it is unknown. */
  ifName?: string;
  address: string;
}

/** Finds pods that host-local's reservations lack, and reservations without a pod. */
export interface PoolRecovery {
  /** Returns the addresses of running pods. Called when the reservations are lost. */
  inUse(): AddressInUse[];
  /** Ends the owner of an address if the runtime lost it. Returns the owner's name when it may be living. */
  endIfLost(reservation: Reservation): string | undefined;
}

/** An IPAM plugin, for one attachment. */
export interface PodIpam {
  /** Reserves addresses. When it throws, nothing is reserved. */
  add(): Allocation;
  /** True when `add()` would give an IPv6 address; absent for an IPAM plugin that cannot know it. */
  givesIPv6?(): boolean;
  /** Frees the attachment's addresses. Does nothing when it has none. */
  del(): void;
  /** The attachment's addresses, without prefix length; absent for an IPAM plugin that cannot list them. */
  reserved?(): readonly string[];
  /** Throws unless the attachment has the addresses, which have prefix lengths. */
  check(addresses: readonly string[]): void;
  /** Reservations that the runtime does not list; absent for an IPAM plugin that cannot list them. */
  stale?(): readonly Reservation[];
  /** Frees the reservations that the runtime does not list. */
  gc(): void;
  /** Throws when the next ADD would fail. */
  status(): void;
}

/** The part of every plugin's settings that IPAM reads. */
export interface NetworkSettings {
  /** Name of the network. */
  network: string;
  /** The whole configuration; `ipam.type` names the IPAM plugin. */
  raw: CheckedConfig;
  /** Keys of CNI_ARGS that the plugin reads itself, so that host-local does not refuse them. */
  knownArgs: readonly string[];
}
