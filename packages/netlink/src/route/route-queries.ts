/** Requests that list and look up routes. */
import type { Family } from '@cnikit/ip';
import { checkSpec } from '#check-spec';
import { NLM_F_DUMP } from '../codec/ack.ts';
import type { ByteOrder } from '../codec/bytes.ts';
import { numberOf } from '../codec/names.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import * as k from './constants.ts';
import { familyFilter, familyOfSize } from './family.ts';
import {
  protocols,
  type RouteProtocol,
  type RouteType,
  type RoutingTable,
  routeTypes,
  tables,
} from './names.ts';
import * as rta from './route-attributes.ts';

/** Filter of a dump of routes, applied by the kernel, and again here for kernels before 5.0. */
export interface RouteFilter {
  family?: Family;
  /**
   * Routing table.
   *
   * @default all tables, including that of local addresses
   */
  table?: RoutingTable;
  protocol?: RouteProtocol;
  type?: RouteType;
  /** Index of the link. */
  oif?: number;
}

/** RTM_GETROUTE, `ip route show table all`. */
export function getRoutes(filter: RouteFilter = {}, order: ByteOrder = 'little'): Request {
  checkSpec('filter of routes', filter);
  const table = numberOf(tables, filter.table ?? k.RT_TABLE_UNSPEC, 'table');
  const encoder = requestEncoder(order);
  encoder.putU8(familyFilter(filter.family)).putZeros(3);
  encoder
    .putU8(table < 256 ? table : k.RT_TABLE_UNSPEC)
    .putU8(numberOf(protocols, filter.protocol ?? 0, 'protocol'));
  encoder
    .putU8(0)
    .putU8(numberOf(routeTypes, filter.type ?? 0, 'type'))
    .putU32(0);
  if (table !== k.RT_TABLE_UNSPEC) {
    encoder.u32(rta.RTA_TABLE, table);
  }
  if (filter.oif !== undefined) {
    encoder.u32(rta.RTA_OIF, filter.oif);
  }
  return { type: k.RTM_GETROUTE, flags: NLM_F_DUMP, payload: encoder.finish(), describe: 'dump routes' };
}

/** RTM_GETROUTE of one destination, `ip route get`: the route that a packet would take. */
export function getRoute(
  query: { dst: string; src?: string; oif?: number; iif?: number; mark?: number; fibMatch?: boolean },
  order: ByteOrder = 'little',
): Request {
  checkSpec('route query', query);
  const encoder = requestEncoder(order).putZeros(8);
  // IPv6 always sends the table and refuses this flag (inet6_rtm_valid_getroute_req in net/ipv6/route.c).
  const table = String(query.dst).includes(':') ? 0 : k.RTM_F_LOOKUP_TABLE;
  encoder.putU32(table | (query.fibMatch === true ? k.RTM_F_FIB_MATCH : 0));
  const size = encoder.address(rta.RTA_DST, query.dst, 'Destination');
  encoder.patchU8(0, familyOfSize(size)).patchU8(1, size * 8);
  if (query.src !== undefined) {
    encoder.patchU8(2, encoder.address(rta.RTA_SRC, query.src, 'Source') * 8);
  }
  if (query.iif !== undefined) {
    encoder.u32(rta.RTA_IIF, query.iif);
  }
  if (query.oif !== undefined) {
    encoder.u32(rta.RTA_OIF, query.oif);
  }
  if (query.mark !== undefined) {
    encoder.u32(rta.RTA_MARK, query.mark);
  }
  return {
    type: k.RTM_GETROUTE,
    flags: 0,
    payload: encoder.finish(),
    describe: `get the route to ${query.dst}`,
  };
}
