import { ignoreErrno } from '@cnikit/sys';
import { checkSpec } from '#check-spec';
import type { Payload } from './codec/bytes.ts';
import type { MessageReader } from './codec/message.ts';
import { type Named, type Names, nameOf } from './codec/names.ts';
import type { Request } from './codec/request.ts';
import type { Connection } from './connection.ts';
import type { NetlinkError } from './errors.ts';
import { type Address, type AddressFilter, decodeAddress, getAddresses } from './route/address.ts';
import * as k from './route/constants.ts';
import { getLink, getLinks, type LinkFilter, type LinkRef } from './route/link.ts';
import { decodeLinkOf } from './route/link-decode.ts';
import type { LinkKind } from './route/link-kinds/index.ts';
import type { LinkKindCodecs } from './route/link-kinds/kind.ts';
import type { Link, LinkOf } from './route/link-types.ts';
import { protocols, routeTypes, tables } from './route/names.ts';
import { decodeNeighbour, getNeighbours, type Neighbour, type NeighbourFilter } from './route/neighbour.ts';
import { decodeRoute, type Route } from './route/route-decode.ts';
import { getRoute, getRoutes, type RouteFilter } from './route/route-queries.ts';
import { decodeFilter, type Filter, getFilters } from './tc/filter.ts';
import { decodeQdisc, getRootQdisc, type Qdisc } from './tc/qdisc.ts';

/** The part of `RtnetlinkConnection` that pods and their node need. Supports the given kinds of links. */
export class RtnetlinkCore {
  /** The connection, for requests and decoders that this class lacks. */
  readonly connection: Connection;
  readonly #kinds: LinkKindCodecs;

  constructor(connection: Connection, kinds: LinkKindCodecs) {
    this.connection = connection;
    this.#kinds = kinds;
  }

  /** Made when it is needed: most pods need none. */
  get #decoder(): (payload: Payload) => Link {
    return (payload) => decodeLinkOf(this.#kinds, payload);
  }

  /**
   * Sends one request: `rt.request(newAddress({…}))`.
   *
   * @throws {NetlinkError} when the kernel refuses it
   */
  request(request: Request): void {
    this.connection.request(request);
  }

  /**
   * Sends all requests, in order, in as few datagrams as possible; see `Connection.batch()`.
   *
   * @throws {NetlinkError} the first failure
   */
  batch(requests: readonly Request[]): void {
    this.connection.batch(requests);
  }

  /** Like `batch()`, but returns the failures instead of throwing. */
  batchSettled(requests: readonly Request[]): NetlinkError[] {
    return this.connection.batchSettled(requests);
  }

  /** Returns the links that pass the filter; `[]` when a named link does not exist. */
  links<K extends LinkKind>(filter: LinkFilter & LinkRef & { kind: K }): LinkOf<K>[];
  links(filter?: LinkFilter & LinkRef): Link[];
  links(filter: LinkFilter & LinkRef = {}): Link[] {
    checkSpec('filter of links', filter);
    const { name, index, kind, master } = filter;
    const passes = (link: Link): boolean =>
      (kind === undefined || link.kind === kind) && (master === undefined || link.master === master);
    if (name !== undefined || index !== undefined) {
      const link = this.link(filter);
      return link !== undefined && passes(link) ? [link] : [];
    }
    return this.connection.dump(getLinks(filter), (message) => {
      if (message.type !== k.RTM_NEWLINK) {
        return undefined;
      }
      const link = decodeLinkOf(this.#kinds, message);
      return passes(link) ? link : undefined;
    });
  }

  /**
   * Returns a link by index or (alternative) name, or `undefined` when it does not exist. `decode` decodes it, such as
   * `decodeLinkSummary` of `@cnikit/netlink/short-lived`.
   */
  link(ref: LinkRef): Link | undefined;
  link<T>(ref: LinkRef, decode: (payload: Payload) => T): T | undefined;
  link<T>(ref: LinkRef, decode: (payload: Payload) => Link | T = this.#decoder): Link | T | undefined {
    return ignoreErrno('ENODEV', () => this.connection.queryOne(getLink(ref), linkBy(decode)));
  }

  /** Returns addresses; by default those of IPv4 and IPv6. */
  addresses(filter: AddressFilter = {}): Address[] {
    return this.connection.dump(getAddresses(filter), (message) => {
      if (message.type !== k.RTM_NEWADDR) {
        return undefined;
      }
      const address = decodeAddress(message);
      const { family, index } = filter;
      if (family !== undefined && address.family !== family) {
        return undefined;
      }
      return index !== undefined && address.index !== index ? undefined : address;
    });
  }

  /** Returns routes; by default those of all tables. `[]` for a table that does not exist. */
  routes(filter: RouteFilter = {}): Route[] {
    const named = namedFilter(filter);
    const all = ignoreErrno('ENOENT', () =>
      this.connection.dump(getRoutes(filter), (message) => {
        // A dump of all families includes multicast and MPLS.
        const family = message.bytes[message.start];
        if (message.type !== k.RTM_NEWROUTE || (family !== k.AF_INET && family !== k.AF_INET6)) {
          return undefined;
        }
        const route = decodeRoute(message);
        return passesRoute(route, named) ? route : undefined;
      }),
    );
    return all ?? [];
  }

  /**
   * Returns the route that a packet would take, `ip route get`.
   *
   * @throws {NetlinkError} ENETUNREACH when no route matches
   */
  routeTo(query: Parameters<typeof getRoute>[0]): Route | undefined {
    return this.connection.query(getRoute(query), (message) =>
      message.type === k.RTM_NEWROUTE ? decodeRoute(message) : undefined,
    );
  }

  /** Returns neighbours of IPv4 and IPv6, or forwarding entries with `family: 'bridge'`. */
  neighbours(filter: NeighbourFilter = {}): Neighbour[] {
    return this.connection.dump(getNeighbours(filter), (message) => {
      if (message.type !== k.RTM_NEWNEIGH) {
        return undefined;
      }
      const family = message.bytes[message.start];
      if (family !== k.AF_INET && family !== k.AF_INET6 && family !== k.AF_BRIDGE) {
        return undefined;
      }
      const neighbour = decodeNeighbour(message);
      return filter.index !== undefined && neighbour.index !== filter.index ? undefined : neighbour;
    });
  }

  /**
   * Returns the root qdisc of a link, or `undefined` when it has none; Linux before 6.8 omits the built-in `noqueue`. While
   * links are deleted, a dump of qdiscs can leave out a link's: this request cannot.
   */
  rootQdisc(index: number): Qdisc | undefined {
    return ignoreErrno(['ENOENT', 'EINVAL'], () =>
      this.connection.query(getRootQdisc(index), (message) =>
        message.type === k.RTM_NEWQDISC ? decodeQdisc(message) : undefined,
      ),
    );
  }

  /** Returns the filters of a link's qdisc; by default of its ingress qdisc. */
  filters(filter: { index: number; parent?: number }): Filter[] {
    return this.connection.dump(getFilters(filter), (message) =>
      message.type === k.RTM_NEWTFILTER ? decodeFilter(message) : undefined,
    );
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

/** Returns the decoder of an answer that describes a link. */
export function linkBy<T>(decode: (payload: Payload) => T): (message: MessageReader) => T | undefined {
  return (message) => (message.type === k.RTM_NEWLINK ? decode(message) : undefined);
}

/** Returns the filter with names instead of numbers, as decoded routes have them. */
function namedFilter({ table, protocol, type, ...rest }: RouteFilter): RouteFilter {
  return {
    ...rest,
    table: rename(tables, table),
    protocol: rename(protocols, protocol),
    type: rename(routeTypes, type),
  };
}

const rename = <N extends Names>(names: N, value: Named<N> | undefined): Named<N> | undefined =>
  typeof value === 'number' ? nameOf(names, value) : value;

function passesRoute(route: Route, { family, table, protocol, type, oif }: RouteFilter): boolean {
  return (
    (route.flags & k.RTM_F_CLONED) === 0 &&
    (family === undefined || route.family === family) &&
    (table === undefined || route.table === table) &&
    (protocol === undefined || route.protocol === protocol) &&
    (type === undefined || route.type === type) &&
    (oif === undefined || route.oif === oif || route.nextHops?.some((hop) => hop.oif === oif) === true)
  );
}
