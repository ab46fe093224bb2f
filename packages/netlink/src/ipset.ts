/**
 * ipset: named sets of networks that rules of iptables match by `-m set --match-set NAME dst`, changed one network at a
 * time whatever their size.
 *
 * ```ts
 * import { openIpSet } from '@cnikit/netlink/ipset';
 *
 * const ipset = openIpSet();
 * ipset.create({ name: 'pods', family: 'ipv4' });
 * ipset.change({ name: 'pods' }, { add: ['10.244.1.0/24', '192.0.2.7/32'] });
 * console.log(ipset.elements({ name: 'pods' }).length); // 2
 * ipset.destroy({ name: 'pods' });
 * ipset.close();
 * ```
 *
 * @module
 */
import { ignoreErrno, NETLINK_NETFILTER, sys as realSys } from '@cnikit/sys';
import { Connection } from './connection.ts';
import {
  decodeIpSetElements,
  delIpSet,
  delIpSetElement,
  getIpSetElements,
  type IpSetRef,
  type IpSetSpec,
  ipSetProtocol,
  newIpSet,
  newIpSetElement,
} from './netfilter/ip-set.ts';
import type { OpenOptions } from './rtnetlink.ts';

export type { IpSetRef, IpSetSpec } from './netfilter/ip-set.ts';

/** The errno that sets have of their own for one in use. */
const IPSET_ERR_BUSY = 4100;

/** Opens a connection to ipset. Fails as `openRtnetlink` does. */
export function openIpSet({ sys = realSys, netns }: OpenOptions = {}): IpSetConnection {
  return new IpSetConnection(
    new Connection({ sys, protocol: NETLINK_NETFILTER, ...(netns !== undefined && { netns }) }),
  );
}

/** The sets of one network namespace. */
export class IpSetConnection {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Whether the kernel has sets, and this process may use them. */
  get supported(): boolean {
    return this.connection.batchSettled([ipSetProtocol()]).length === 0;
  }

  /** An empty set of type hash:net. Throws NetlinkError EEXIST when there is one of that name. */
  create(spec: IpSetSpec): void {
    this.connection.request(newIpSet(spec));
  }

  /** Away with it, if it is there. False, and it stays, while a rule uses it. */
  destroy(ref: IpSetRef): boolean {
    const [failure] = this.connection.batchSettled([delIpSet(ref)]);
    if (failure === undefined || failure.code === 'ENOENT') {
      return true;
    }
    if (failure.errno === IPSET_ERR_BUSY) {
      return false;
    }
    throw failure;
  }

  /** Its prefixes, in no order; undefined when there is no such set. */
  elements(ref: IpSetRef): string[] | undefined {
    return ignoreErrno('ENOENT', () =>
      this.connection.dump(getIpSetElements(ref), decodeIpSetElements).flat(),
    );
  }

  /** Adds and removes prefixes; those that are there, or gone, already are no error. Throws the first NetlinkError. */
  change(
    ref: IpSetRef,
    { add = [], remove = [] }: { add?: readonly string[]; remove?: readonly string[] },
  ): void {
    this.connection.batch([
      ...remove.map((prefix) => delIpSetElement(ref, prefix)),
      ...add.map((prefix) => newIpSetElement(ref, prefix)),
    ]);
  }

  /** Closes the socket. A second call does nothing. */
  close(): void {
    this.connection.close();
  }

  /** Closes at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}
