/**
 * Connection tracking: list and delete entries. When an address moves to another pod, old UDP entries still lead to the
 * previous one.
 *
 * ```ts
 * import { openConntrack } from '@cnikit/netlink/conntrack';
 *
 * const conntrack = openConntrack();
 * const gone = conntrack.delete('ipv4', ({ reply }) => reply.source === '10.244.1.2');
 * console.log(`${gone} connections deleted`); // 0 connections deleted
 * conntrack.close();
 * ```
 *
 * @module
 */
import type { Family } from '@cnikit/ip';
import { NETLINK_NETFILTER, sys as realSys } from '@cnikit/sys';
import { Connection } from './connection.ts';
import {
  decodeFlow,
  delFlow,
  type Flow,
  type FlowFilter,
  getFlows,
  IPCTNL_MSG_CT_NEW,
  passes,
} from './netfilter/flow.ts';
import type { OpenOptions } from './rtnetlink.ts';

export {
  decodeFlow,
  delFlow,
  type Flow,
  type FlowFilter,
  type FlowTuple,
  getFlows,
} from './netfilter/flow.ts';

/**
 * Opens a connection to connection tracking.
 *
 * @throws {SysError} like `openRtnetlink()`
 */
export function openConntrack({ sys = realSys, netns }: OpenOptions = {}): ConntrackConnection {
  return new ConntrackConnection(new Connection({ sys, protocol: NETLINK_NETFILTER, netns }));
}

/** The tracked connections of one network namespace. */
export class ConntrackConnection {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /**
   * Returns the entries that `wanted` returns true for, by default all. The kernel applies `filter`, which is much faster
   * on a node with many connections. A destination must have canonical text.
   *
   * @throws {NetlinkError} when the kernel refuses the dump
   */
  flows(family: Family, wanted: (flow: Flow) => boolean = () => true, filter?: FlowFilter): Flow[] {
    return this.connection.dump(getFlows(family, filter), (message) => {
      if (message.type !== IPCTNL_MSG_CT_NEW) {
        return undefined;
      }
      const flow = decodeFlow(message);
      if (filter !== undefined && !passes(flow, filter)) {
        return undefined;
      }
      return wanted(flow) ? flow : undefined;
    });
  }

  /**
   * Deletes the entries that `wanted` returns true for, and returns their number. An entry that expires first is not an
   * error.
   *
   * @throws {NetlinkError} when the kernel refuses a deletion
   */
  delete(family: Family, wanted: (flow: Flow) => boolean, filter?: FlowFilter): number {
    const flows = this.flows(family, wanted, filter);
    const failures = this.connection.batchSettled(flows.map((flow) => delFlow(flow)));
    const [serious] = failures.filter(({ code }) => code !== 'ENOENT');
    if (serious !== undefined) {
      throw serious;
    }
    return flows.length - failures.length;
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
