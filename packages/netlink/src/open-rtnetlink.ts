import type { Family } from '@cnikit/ip';
import { NETLINK_ROUTE } from '@cnikit/sys';
import { checkSpec } from '#check-spec';
import { NLM_F_ECHO } from './codec/ack.ts';
import type { Connection } from './connection.ts';
import { type OpenOptions, openProtocol } from './open.ts';
import { type BridgePortVlans, decodeBridgeVlans, getBridgeVlans } from './route/bridge-vlan.ts';
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  RTM_NEWLINK,
  RTM_NEWNEXTHOP,
  RTM_NEWNSID,
  RTM_NEWQDISC,
  RTM_NEWRULE,
} from './route/constants.ts';
import type { LinkSpec } from './route/link.ts';
import { linkKinds } from './route/link-kinds/index.ts';
import { decodeLink, newLink } from './route/link-of-kind.ts';
import type { Link } from './route/link-types.ts';
import { decodeMdb, getMdb, type MdbEntry, RTM_GETMDB } from './route/mdb.ts';
import { decodeNextHopObject, getNextHopObjects, type NextHopObject } from './route/next-hop-object.ts';
import { decodeNetnsId, getNetnsId, type NetnsRef } from './route/nsid.ts';
import { decodeRoutingRule, getRoutingRules, type RoutingRule } from './route/rule.ts';
import { linkBy, RtnetlinkCore } from './rtnetlink.ts';
import { decodeQdisc, getQdiscs, type Qdisc } from './tc/qdisc.ts';

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
    super(connection, linkKinds);
  }

  /**
   * Creates a link and returns it. Since Linux 6.1 one request suffices (NLM_F_ECHO); with an older kernel a second one
   * reads the link by its name. Returns `undefined` when the kernel is older and `spec` has no name, or when the link
   * was created in another namespace (`netns`).
   *
   * @throws {NetlinkError} when the kernel refuses the request
   */
  createLink(spec: LinkSpec): Link | undefined {
    const request = newLink(spec);
    const echoed = this.connection.query(
      { ...request, flags: request.flags | NLM_F_ECHO },
      linkBy(decodeLink),
    );
    // The kernel sends the echo before it enslaves the link, and the acknowledgement after that.
    if (echoed !== undefined && spec.master) {
      echoed.master = spec.master;
    }
    if (echoed !== undefined || spec.name === undefined || spec.netns !== undefined) {
      return echoed;
    }
    return this.link({ name: spec.name });
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

  /** Returns policy routing rules, `ip rule`; by default those of IPv4 and IPv6. */
  rules(filter: { family?: Family } = {}): RoutingRule[] {
    return this.connection.dump(getRoutingRules(filter), (message) => {
      const family = message.bytes[message.start];
      if (message.type !== RTM_NEWRULE || (family !== AF_INET && family !== AF_INET6)) {
        return undefined;
      }
      return decodeRoutingRule(message);
    });
  }

  /** Returns the queueing disciplines of one link or all. */
  qdiscs(filter: { index?: number } = {}): Qdisc[] {
    return this.connection.dump(getQdiscs(filter), (message) => {
      if (message.type !== RTM_NEWQDISC) {
        return undefined;
      }
      const qdisc = decodeQdisc(message);
      return filter.index !== undefined && qdisc.index !== filter.index ? undefined : qdisc;
    });
  }

  /** Returns the ID that this namespace has for another one, or `undefined` when it has none. */
  netnsId(netns: NetnsRef): number | undefined {
    const id = this.connection.query(getNetnsId(netns), (message) =>
      message.type === RTM_NEWNSID ? decodeNetnsId(message) : undefined,
    );
    return id === -1 ? undefined : id;
  }
}
