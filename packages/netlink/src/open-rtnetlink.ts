import { NETLINK_ROUTE } from '@cnikit/sys';
import { checkSpec } from '#check-spec';
import type { Connection } from './connection.ts';
import { type OpenOptions, openProtocol } from './open.ts';
import { type BridgePortVlans, decodeBridgeVlans, getBridgeVlans } from './route/bridge-vlan.ts';
import { AF_BRIDGE, RTM_NEWLINK, RTM_NEWNEXTHOP } from './route/constants.ts';
import { linkKinds } from './route/link-kinds/index.ts';
import { newLink } from './route/link-of-kind.ts';
import { decodeMdb, getMdb, type MdbEntry, RTM_GETMDB } from './route/mdb.ts';
import { decodeNextHopObject, getNextHopObjects, type NextHopObject } from './route/next-hop-object.ts';
import { RtnetlinkCore } from './rtnetlink.ts';

/**
 * Opens a connection to rtnetlink.
 *
 * @throws {SysError} when the namespace does not exist or is not a network namespace (ENOENT, EINVAL)
 */
export function openRtnetlink(options: OpenOptions = {}): RtnetlinkConnection {
  return new RtnetlinkConnection(openProtocol(NETLINK_ROUTE, options));
}

/** Links, addresses, routes, neighbours, rules and bridges of one network namespace. */
export class RtnetlinkConnection extends RtnetlinkCore {
  constructor(connection: Connection) {
    super(connection, linkKinds, newLink);
  }

  /** Returns the VLANs of bridges and their ports, `bridge vlan show`; `[]` when the kernel lacks VLAN filtering. */
  bridgeVlans(filter: { index?: number; master?: number } = {}): BridgePortVlans[] {
    checkSpec('filter of VLANs', filter);
    const { index, master } = filter;
    return this.connection.dump(getBridgeVlans(), (message) => {
      if (message.type !== RTM_NEWLINK || message.bytes[message.start] !== AF_BRIDGE) {
        return undefined;
      }
      const port = decodeBridgeVlans(message);
      const passes =
        (index === undefined || port.index === index) && (master === undefined || port.master === master);
      return passes && port.vlans.length > 0 ? port : undefined;
    });
  }

  /** Returns the multicast groups of bridges, `bridge mdb show`. */
  mdb(filter: { bridge?: number } = {}): MdbEntry[] {
    checkSpec('filter of multicast groups', filter);
    return this.connection
      .dump(getMdb(), (message) => (message.type === RTM_GETMDB ? decodeMdb(message) : undefined))
      .flat()
      .filter(({ bridge }) => filter.bridge === undefined || bridge === filter.bridge);
  }

  /**
   * Returns the nexthop objects and their groups, `ip nexthop show`.
   *
   * @throws {NetlinkError} EOPNOTSUPP before Linux 5.3
   */
  nextHops(): NextHopObject[] {
    return this.connection.dump(getNextHopObjects(), (message) =>
      message.type === RTM_NEWNEXTHOP ? decodeNextHopObject(message) : undefined,
    );
  }
}
