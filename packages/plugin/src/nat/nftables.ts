/** What the features on nftables share: a connection to it, and kernels that are without. */
import { NetlinkError } from '@cnikit/netlink';
import {
  type NftConnection,
  type NftRule,
  openNftables,
  type SetElement,
  type SetRef,
} from '@cnikit/netlink/nftables';
import { type Sys, SysError } from '@cnikit/sys';

/** Which program's rules a configuration asks for; undefined: nftables, or iptables where the kernel has none. */
export type NatBackend = 'nftables' | 'iptables' | undefined;

/** Runs `body` with a connection to nftables that is closed after it. */
export function withNftables<T>(sys: Sys, body: (nft: NftConnection) => T): T {
  const nft = openNftables({ sys });
  try {
    return body(nft);
  } finally {
    nft.close();
  }
}

/** The tables that there are, as `ip nat`. */
export type Tables = ReadonlySet<string>;

/** Asks for the tables once, where many might have something in them. */
export function tablesOf(nft: NftConnection): Tables {
  return new Set(nft.tables().map(({ family, name }) => `${family} ${name}`));
}

/** The chain that a rule leads to. */
export function ruleTarget({ expressions }: NftRule): string | undefined {
  for (const one of expressions) {
    if (one.name === 'immediate' && one.verdict) {
      return one.verdict.chain;
    }
  }
  return undefined;
}

/** What kernels answer that have no netfilter over netlink, no nftables, or none that does NAT for both families. */
const ABSENT: readonly string[] = ['EPROTONOSUPPORT', 'EOPNOTSUPP', 'EAFNOSUPPORT'];

/** Whether an error says that this kernel cannot do it by nftables. */
export function isWithoutNftables(error: unknown): boolean {
  if (error instanceof SysError) {
    return error.syscall === 'socket' && ABSENT.includes(error.code);
  }
  if (!(error instanceof NetlinkError) || error.cause !== undefined) {
    return false;
  }
  // A question outside of a transaction is EINVAL to a netfilter that has no nftables.
  return ABSENT.includes(error.code) || (error.code === 'EINVAL' && error.index === undefined);
}

/** Does it by nftables; `instead`, if the configuration leaves the choice, where the kernel has none. */
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

/** As `withNftables`; undefined where the kernel has no nftables, and so nothing of ours in it. */
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

/** The elements of a map; none when it is gone. */
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

const PASSING: readonly string[] = ['EEXIST', 'ENOENT', 'EBUSY'];

/** Whether a transaction failed since another process made or removed something at the same time. */
export function isRace(error: unknown): boolean {
  return error instanceof NetlinkError && error.cause === undefined && PASSING.includes(error.code);
}
