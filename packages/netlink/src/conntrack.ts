/**
 * Connection tracking: list, change and delete entries. When an address moves to another pod, old UDP entries still lead to the
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
import { NETLINK_NETFILTER } from '@cnikit/sys';
import type { Request } from './codec/request.ts';
import type { Connection } from './connection.ts';
import {
  decodeFlow,
  delFlow,
  type Flow,
  type FlowChange,
  type FlowFilter,
  getFlows,
  IPCTNL_MSG_CT_NEW,
  passes,
  updateFlow,
} from './netfilter/flow.ts';
import { involves, mayInvolve } from './netfilter/flow-addresses.ts';
import { type OpenOptions, openProtocol } from './open.ts';

export {
  decodeFlow,
  delFlow,
  type Flow,
  type FlowChange,
  type FlowFilter,
  type FlowTuple,
  getFlows,
  updateFlow,
} from './netfilter/flow.ts';

/**
 * Opens a connection to connection tracking.
 *
 * @throws {SysError} like `openRtnetlink()`
 */
export function openConntrack(options: OpenOptions = {}): ConntrackConnection {
  return new ConntrackConnection(openProtocol(NETLINK_NETFILTER, options));
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
    return settle(this, this.flows(family, wanted, filter), (flow) => delFlow(flow));
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

/**
 * Returns the entries that have one of the addresses as source or destination, before or after NAT. One pass over the
 * table serves all addresses, and decodes no other entry. Addresses must have canonical text.
 *
 * @throws {NetlinkError} when the kernel refuses the dump
 */
export function flowsOf(
  { connection }: ConntrackConnection,
  family: Family,
  addresses: ReadonlySet<string>,
): Flow[] {
  const concerns = mayInvolve(addresses);
  return connection.dump(getFlows(family), (message) => {
    if (message.type !== IPCTNL_MSG_CT_NEW || !concerns(message)) {
      return undefined;
    }
    const flow = decodeFlow(message);
    return involves(flow, addresses) ? flow : undefined;
  });
}

/**
 * Deletes entries, and returns the number of those that still existed.
 *
 * @throws {NetlinkError} when the kernel refuses a deletion
 */
export function deleteFlows(conntrack: ConntrackConnection, flows: readonly Flow[]): number {
  return settle(conntrack, flows, (flow) => delFlow(flow));
}

/**
 * Changes the timeout, mark or labels of the entries that `wanted` returns true for, and returns their number. An entry
 * that expires first is not an error.
 *
 * @throws {NetlinkError} when the kernel refuses a change: ENOSPC for labels of a connection without room for them
 * @throws {NetlinkEncodeError} like `updateFlow()`
 */
export function updateFlows(
  conntrack: ConntrackConnection,
  family: Family,
  wanted: (flow: Flow) => boolean,
  change: FlowChange,
  filter?: FlowFilter,
): number {
  return changeFlows(conntrack, conntrack.flows(family, wanted, filter), change);
}

/**
 * Changes the timeout, mark or labels of entries, and returns the number of those that still existed.
 *
 * @throws {NetlinkError} like {@link updateFlows}
 * @throws {NetlinkEncodeError} like `updateFlow()`
 */
export function changeFlows(
  conntrack: ConntrackConnection,
  flows: readonly Flow[],
  change: FlowChange,
): number {
  return settle(conntrack, flows, (flow) => updateFlow(flow, change));
}

/** Sends a request for each entry, and returns the number of entries that still existed. */
function settle(
  { connection }: ConntrackConnection,
  flows: readonly Flow[],
  build: (flow: Flow) => Request,
): number {
  const failures = connection.batchSettled(flows.map(build));
  const [serious] = failures.filter(({ code }) => code !== 'ENOENT');
  if (serious !== undefined) {
    throw serious;
  }
  return flows.length - failures.length;
}
