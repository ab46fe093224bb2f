/**
 * ipset: named sets of networks, which iptables rules match with `-m set --match-set NAME dst`. A change costs the same
 * for any size of the set.
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

import { ignoreErrno, NETLINK_NETFILTER } from '@cnikit/sys';
import { checkSpec } from '#check-spec';
import type { Connection } from './connection.ts';
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
import { type OpenOptions, openProtocol } from './open.ts';

export type { IpSetRef, IpSetSpec } from './netfilter/ip-set.ts';

/**
 * Opens a connection to ipset.
 *
 * @throws {SysError} like `openRtnetlink()`
 */
export function openIpSet(options: OpenOptions = {}): IpSetConnection {
  return new IpSetConnection(openProtocol(NETLINK_NETFILTER, options));
}

/** The sets of one network namespace. */
export class IpSetConnection {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** True when the kernel has ipset and this process may use it. */
  get supported(): boolean {
    return this.connection.batchSettled([ipSetProtocol()]).length === 0;
  }

  /**
   * Creates an empty set of type hash:net.
   *
   * @throws {NetlinkError} EEXIST when the name is taken
   */
  create(spec: IpSetSpec): void {
    this.connection.request(newIpSet(spec));
  }

  /** Deletes a set if it exists. Returns false, without deleting it, while a rule uses it. */
  destroy(ref: IpSetRef): boolean {
    const [failure] = this.connection.batchSettled([delIpSet(ref)]);
    if (failure === undefined || failure.code === 'ENOENT') {
      return true;
    }
    if (failure.code === 'IPSET_ERR_BUSY') {
      return false;
    }
    throw failure;
  }

  /** Returns the prefixes of a set, unordered, or `undefined` when the set does not exist. */
  elements(ref: IpSetRef): string[] | undefined {
    return ignoreErrno('ENOENT', () =>
      this.connection.dump(getIpSetElements(ref), decodeIpSetElements).flat(),
    );
  }

  /**
   * Adds and removes prefixes. Adding one that exists and removing one that does not are not errors.
   *
   * @throws {NetlinkError} the first failure
   */
  change(ref: IpSetRef, change: { add?: readonly string[]; remove?: readonly string[] }): void {
    checkSpec('change of an ipset set', change);
    const { add = [], remove = [] } = change;
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
