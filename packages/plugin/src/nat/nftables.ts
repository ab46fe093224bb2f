/** Helpers for features with nftables rules: the connection, and detection of kernels without nftables. */
import { NetlinkError } from '@cnikit/netlink';
import {
  type NftConnection,
  type NftRule,
  openNftables,
  type SetElement,
  type SetRef,
} from '@cnikit/netlink/nftables';
import { type Sys, SysError } from '@cnikit/sys';

/** The configured backend; undefined = nftables, or iptables if the kernel has no nftables. */
export type NatBackend = 'nftables' | 'iptables' | undefined;

/** Runs `body` with an nftables connection, and closes the connection. */
export function withNftables<T>(sys: Sys, body: (nft: NftConnection) => T): T {
  const nft = openNftables({ sys });
  try {
    return body(nft);
  } finally {
    nft.close();
  }
}

/** Existing tables, in the form `ip nat`. */
export type Tables = ReadonlySet<string>;

/** Lists the tables, so that callers need no request for each table. */
export function tablesOf(nft: NftConnection): Tables {
  return new Set(nft.tableRefs().map(({ family, name }) => `${family} ${name}`));
}

/** Returns the chain that a rule leads to. */
export function ruleTarget({ expressions }: NftRule): string | undefined {
  for (const one of expressions) {
    if (one.name === 'immediate' && one.verdict) {
      return one.verdict.chain;
    }
  }
  return undefined;
}

/** Errors of kernels without netfilter over netlink, nftables, or NAT for the inet family. */
const ABSENT: readonly string[] = ['EPROTONOSUPPORT', 'EOPNOTSUPP', 'EAFNOSUPPORT'];

/** Returns true when the error means that this kernel lacks nftables. */
export function isWithoutNftables(error: unknown): boolean {
  if (error instanceof SysError) {
    return error.syscall === 'openNetlink' && ABSENT.includes(error.code);
  }
  if (!(error instanceof NetlinkError) || error.cause !== undefined) {
    return false;
  }
  // A netfilter without nftables returns EINVAL to a request outside of a transaction.
  return ABSENT.includes(error.code) || (error.code === 'EINVAL' && error.index === undefined);
}

/** Calls `nftables`, or `instead` when the configuration names no backend and the kernel has no nftables. */
export function byBackend<T>(backend: NatBackend, nftables: () => T, instead: () => T): T {
  if (backend === 'iptables') {
    return instead();
  }
  try {
    return nftables();
  } catch (error) {
    if (backend !== undefined || !isWithoutNftables(error)) {
      throw error;
    }
    return instead();
  }
}

/**
 * Returns [] when one of the forms of rules lacks nothing, otherwise what the first one lacks. The others run only if
 * needed. A form is undefined when the kernel cannot have it.
 */
export function leastMissing(forms: readonly (() => string[] | undefined)[]): string[] {
  let first: string[] | undefined;
  for (const form of forms) {
    const missing = form();
    if (missing?.length === 0) {
      return [];
    }
    first ??= missing;
  }
  return first ?? ['the kernel has no nftables'];
}

/** Runs `body` as `withNftables` does; returns undefined when the kernel has no nftables, and thus no rules. */
export function whereNftables<T>(sys: Sys, body: (nft: NftConnection) => T): T | undefined {
  try {
    return withNftables(sys, body);
  } catch (error) {
    if (isWithoutNftables(error)) {
      return undefined;
    }
    throw error;
  }
}

/** Returns the elements of a map; empty when the map does not exist. */
export function elementsOf(nft: NftConnection, map: SetRef): SetElement[] {
  try {
    return nft.elements(map);
  } catch (error) {
    if (isRace(error)) {
      return [];
    }
    throw error;
  }
}

const TRANSIENT: readonly string[] = ['EEXIST', 'ENOENT', 'EBUSY'];

/** Returns true when a transaction failed because another process changed an object at the same time. */
export function isRace(error: unknown): boolean {
  return error instanceof NetlinkError && error.cause === undefined && TRANSIENT.includes(error.code);
}
