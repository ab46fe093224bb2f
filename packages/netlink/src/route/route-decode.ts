import { type Family, formatAddress } from '@cnikit/ip';
import { type Payload, readI32, readU16, readU32 } from '../codec/bytes.ts';
import { NetlinkDecodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import { nameOf } from '../codec/names.ts';
import { AttributeReader, type UnknownAttribute } from '../codec/reader.ts';
import { keepUnknown, readFields } from '../codec/table.ts';
import { AF_INET, AF_INET6, RTNH_F_ONLINK } from './constants.ts';
import { familyWord } from './family.ts';
import {
  preferences,
  protocols,
  type RoutePreference,
  type RouteProtocol,
  type RouteType,
  type RoutingTable,
  routeTypes,
  type Scope,
  scopes,
  tables,
} from './names.ts';
import type { NextHop, RouteMetrics } from './route-attributes.ts';
import * as rta from './route-attributes.ts';

/** A route as the kernel describes it. */
export interface Route {
  family: Family;
  /** Destination prefix; the default route is `0.0.0.0/0` or `::/0`. */
  dst: string;
  via?: string;
  /** Index of the link. */
  oif?: number;
  /** Source address of the host's own packets. */
  src?: string;
  /** Source prefix (source routing). */
  from?: string;
  table: RoutingTable;
  /** Origin of the route. */
  protocol: RouteProtocol;
  scope: Scope;
  type: RouteType;
  /** Metric. */
  priority: number;
  tos: number;
  /** RTM_F_* and RTNH_F_*. */
  flags: number;
  onlink?: boolean;
  metrics?: RouteMetrics;
  nextHops?: NextHop[];
  nextHopId?: number;
  preference?: RoutePreference;
  /** Seconds until the route expires. */
  expires?: number;
  iif?: number;
  /** Realms: source realm << 16 | destination realm (IPv4). */
  realms?: number;
  /** LWTUNNEL_ENCAP_*: kind of `encap`. */
  encapType?: number;
  /** Attributes of the lightweight tunnel, as bytes. */
  encap?: Uint8Array;
  unknown?: UnknownAttribute[];
}

/**
 * Decodes the body of an RTM_NEWROUTE or RTM_DELROUTE.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeRoute(payload: Payload): Route {
  const reader = attributesAfter(payload, rta.RTMSG_SIZE, 'rtmsg');
  const { bytes, start, order } = payload;
  const flags = readU32(bytes, start + 8, order === 'little');
  const family = familyWord(bytes[start]!, payload, 'rtm_family');
  const route: Route = {
    family,
    dst: '',
    table: nameOf(tables, bytes[start + 4]!),
    protocol: nameOf(protocols, bytes[start + 5]!),
    scope: nameOf(scopes, bytes[start + 6]!),
    type: nameOf(routeTypes, bytes[start + 7]!),
    priority: 0,
    tos: bytes[start + 3]!,
    flags,
  };
  if ((flags & RTNH_F_ONLINK) !== 0) {
    route.onlink = true;
  }
  while (reader.next()) {
    readRouteAttribute(reader, route, bytes[start + 1]!);
  }
  if (route.dst === '') {
    route.dst = family === 'ipv4' ? `0.0.0.0/${bytes[start + 1]!}` : `::/${bytes[start + 1]!}`;
  }
  if (route.from !== undefined) {
    route.from += `/${bytes[start + 2]!}`;
  }
  return route;
}

function readRouteAttribute(reader: AttributeReader, route: Route, length: number): void {
  switch (reader.type) {
    case rta.RTA_DST:
      route.dst = `${reader.address('RTA_DST')}/${length}`;
      break;
    case rta.RTA_SRC:
      route.from = reader.address('RTA_SRC');
      break;
    case rta.RTA_IIF:
      route.iif = reader.u32('RTA_IIF');
      break;
    case rta.RTA_OIF:
      route.oif = reader.u32('RTA_OIF');
      break;
    case rta.RTA_GATEWAY:
      route.via = reader.address('RTA_GATEWAY');
      break;
    case rta.RTA_VIA:
      route.via = readVia(reader);
      break;
    case rta.RTA_PRIORITY:
      route.priority = reader.u32('RTA_PRIORITY');
      break;
    case rta.RTA_PREFSRC:
      route.src = reader.address('RTA_PREFSRC');
      break;
    case rta.RTA_METRICS:
      route.metrics = readFields(reader.attributes('RTA_METRICS'), rta.metricsTable);
      break;
    case rta.RTA_MULTIPATH:
      route.nextHops = readNextHops(reader);
      break;
    case rta.RTA_TABLE:
      route.table = nameOf(tables, reader.u32('RTA_TABLE'));
      break;
    case rta.RTA_CACHEINFO:
      readCacheInfo(reader, route);
      break;
    case rta.RTA_PREF:
      route.preference = nameOf(preferences, reader.u8('RTA_PREF'));
      break;
    case rta.RTA_EXPIRES:
      route.expires = reader.u32('RTA_EXPIRES');
      break;
    case rta.RTA_FLOW:
      route.realms = reader.u32('RTA_FLOW');
      break;
    case rta.RTA_ENCAP_TYPE:
      route.encapType = reader.u16('RTA_ENCAP_TYPE');
      break;
    case rta.RTA_ENCAP:
      route.encap = reader.raw();
      break;
    case rta.RTA_NH_ID:
      route.nextHopId = reader.u32('RTA_NH_ID');
      break;
    default:
      keepUnknown(route, reader);
  }
}

/** Reads the remaining lifetime of struct rta_cacheinfo, which is in hundredths of a second. */
function readCacheInfo(reader: AttributeReader, route: Route): void {
  reader.size(12, 'RTA_CACHEINFO', true);
  const expires = readI32(reader.bytes, reader.start + 8, reader.order === 'little');
  if (expires !== 0) {
    route.expires = Math.trunc(expires / 100);
  }
}

/** struct rtvia: family, then the address. */
function readVia(reader: AttributeReader): string {
  reader.size(6, 'RTA_VIA', true);
  const family = readU16(reader.bytes, reader.start, reader.order === 'little');
  const size = reader.end - reader.start - 2;
  if (!(family === AF_INET && size === 4) && !(family === AF_INET6 && size === 16)) {
    throw new NetlinkDecodeError('BAD_VALUE', 'RTA_VIA', reader.start, `family ${family} with ${size} bytes`);
  }
  return formatAddress(reader.bytes, reader.start + 2, size);
}

function readNextHops(reader: AttributeReader): NextHop[] {
  const { bytes, order, end } = reader;
  const little = order === 'little';
  const hops: NextHop[] = [];
  for (let at = reader.start; at < end; ) {
    const length = end - at < rta.RTNEXTHOP_SIZE ? 0 : readU16(bytes, at, little);
    if (length < rta.RTNEXTHOP_SIZE || length > end - at) {
      throw new NetlinkDecodeError('BAD_LENGTH', 'RTA_MULTIPATH', at, `next hop of ${length} bytes`);
    }
    const flags = bytes[at + 2]!;
    const hop: NextHop = { weight: bytes[at + 3]! + 1, flags };
    const oif = readI32(bytes, at + 4, little);
    if (oif !== 0) {
      hop.oif = oif;
    }
    if ((flags & RTNH_F_ONLINK) !== 0) {
      hop.onlink = true;
    }
    const attributes = new AttributeReader(bytes, at + rta.RTNEXTHOP_SIZE, at + length, order, 'rtnexthop');
    while (attributes.next()) {
      if (attributes.type === rta.RTA_GATEWAY) {
        hop.via = attributes.address('RTA_GATEWAY');
      } else if (attributes.type === rta.RTA_VIA) {
        hop.via = readVia(attributes);
      } else {
        keepUnknown(hop, attributes);
      }
    }
    hops.push(hop);
    at += (length + 3) & ~3;
  }
  return hops;
}
