/** Addresses for a pod: from the built-in host-local, or from any other IPAM plugin by exec. */
import type { CheckedConfig, Context, Dns, IpConfig, Route } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { delegatedIpam } from './delegated-ipam.ts';
import { hostLocal } from './host-local.ts';

/** What IPAM gave to one attachment. */
export interface Allocation {
  ips: readonly IpConfig[];
  routes: readonly Route[];
  dns?: Dns | undefined;
}

/** An address that a container holds, without prefix length. */
export interface Held {
  containerID: string;
  address: string;
}

/** An IPAM plugin, seen from the plugin that asks it, for the attachment at hand. */
export interface PodIpam {
  /** Reserves addresses, or throws and holds none. */
  add(): Allocation;
  /** Frees what the attachment holds; nothing held is no error. */
  del(): void;
  /** The addresses that it holds, without prefix length; absent for an IPAM plugin that does not tell. */
  held?(): readonly string[];
  /** Throws when the attachment does not hold the addresses, given with prefix length. */
  check(addresses: readonly string[]): void;
  /** What the runtime does not list; absent for an IPAM plugin that does not tell. */
  stale?(): readonly Held[];
  /** Frees what the runtime does not list. */
  gc(): void;
  /** Throws when the next ADD could not be served. */
  status(): void;
}

/** What every plugin's settings have, for IPAM to read. */
export interface NetworkSettings {
  /** The network's name. */
  network: string;
  /** The whole configuration; `ipam.type` says which IPAM plugin serves it. */
  raw: CheckedConfig;
  /** Keys of CNI_ARGS that the plugin reads itself, so that host-local need not refuse them. */
  knownArgs: readonly string[];
}

/**
 * The IPAM of the configuration; undefined when it has none.
 *
 * @throws CniError 4 or 7, IpamError, for what host-local cannot use
 */
export function openIpam(sys: Sys, context: Context<NetworkSettings>): PodIpam | undefined {
  const type = context.conf.raw.ipam?.type;
  if (!type) {
    return undefined;
  }
  return type === 'host-local' ? hostLocal(sys, context) : delegatedIpam(sys, context, type);
}
