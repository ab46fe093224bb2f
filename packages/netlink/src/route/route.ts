/** Requests that create and delete routes. */

import type { Family } from '@cnikit/ip';
import { checkSpec } from '#check-spec';
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../codec/ack.ts';
import type { ByteOrder } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { numberOf } from '../codec/names.ts';
import type { UnknownAttribute } from '../codec/reader.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import { refuseUnknown, writeFields } from '../codec/table.ts';
import * as k from './constants.ts';
import { addressEnd, familyNumber, familyOfSize, lengthOf } from './family.ts';
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

/** A route to create or delete. */
export interface RouteSpec {
  /** `10.0.0.0/24`, an address, or `default`. Bits beyond the length must be 0 (EINVAL). */
  dst: string;
  /** Gateway; one of the other family goes as RTA_VIA. */
  via?: string;
  /** Index of the link. */
  oif?: number;
  /** Source address of the host's own packets. */
  src?: string;
  /** @default 'main' */
  table?: RoutingTable;
  /**
   * Origin of the route.
   *
   * @default 'static'
   */
  protocol?: RouteProtocol;
  /** @default 'link' without a gateway and 'host' for local routes (IPv4), otherwise 'global' */
  scope?: Scope;
  /** Metric; the lowest wins. IPv6 turns 0 into 1024. */
  priority?: number;
  /** @default 'unicast' */
  type?: RouteType;
  /** The gateway is on-link, even without a route to it. */
  onlink?: boolean;
  tos?: number;
  /** Bytes; short for `metrics: {mtu}`. */
  mtu?: number;
  metrics?: RouteMetrics;
  /** Next hops of a multipath route, instead of `via` and `oif`. */
  nextHops?: readonly NextHop[];
  /**
   * ID of a next hop object. `via`, `oif`, `nextHops` and `onlink`, which the kernel reports beside it, are not sent:
   * they are those of the object.
   */
  nextHopId?: number;
  /** Source prefix (IPv6 source routing). Routes that differ only in it are different routes. */
  from?: string;
  /** Realms: source realm << 16 | destination realm (IPv4). */
  realms?: number;
  /** LWTUNNEL_ENCAP_*: kind of `encap`. */
  encapType?: number;
  /** Attributes of the lightweight tunnel, as bytes. */
  encap?: Uint8Array;
  /** Attributes of a decoded route without a field: a request with any is refused. */
  unknown?: readonly UnknownAttribute[];
  /** Needed only for `default` without an address. */
  family?: Family;
  /** IPv6 router preference. */
  preference?: RoutePreference;
  /** Seconds until the route expires (IPv6). */
  expires?: number;
  /**
   * When a route with the same dst, tos and metric exists, `create` fails with EEXIST, `replace` replaces it, and
   * `append` adds the new one after it. In IPv6 the kernel makes one route of routes with gateways: `append` adds a next
   * hop, and `replace` removes all of them.
   *
   * @default 'create'
   */
  mode?: 'create' | 'replace' | 'append';
}

const modes = {
  create: NLM_F_CREATE | NLM_F_EXCL,
  replace: NLM_F_CREATE | NLM_F_REPLACE,
  append: NLM_F_CREATE | NLM_F_APPEND,
};

/** RTM_NEWROUTE, `ip route add`, `replace` or `append`. */
export function newRoute(spec: RouteSpec, order: ByteOrder = 'little'): Request {
  const type = numberOf(routeTypes, spec.type ?? k.RTN_UNICAST, 'type');
  const local = type === k.RTN_LOCAL;
  const direct = spec.via === undefined && spec.nextHops === undefined && spec.nextHopId === undefined;
  const unicast = type === k.RTN_UNICAST;
  const scope = local ? k.RT_SCOPE_HOST : direct && unicast ? k.RT_SCOPE_LINK : k.RT_SCOPE_UNIVERSE;
  const payload = encodeRoute(spec, k.RTPROT_STATIC, type, scope, order);
  const flags = modes[spec.mode ?? 'create'];
  return { type: k.RTM_NEWROUTE, flags, payload, describe: `new route ${routeText(spec)}` };
}

/**
 * RTM_DELROUTE, `ip route del`. Deletes the first route that matches all given properties; ESRCH when none does.
 */
export function delRoute(spec: RouteSpec, order: ByteOrder = 'little'): Request {
  const payload = encodeRoute(spec, k.RTPROT_UNSPEC, k.RTN_UNSPEC, k.RT_SCOPE_NOWHERE, order);
  return { type: k.RTM_DELROUTE, flags: 0, payload, describe: `delete route ${routeText(spec)}` };
}

function routeText({ dst, via, oif }: RouteSpec): string {
  return via === undefined ? (oif === undefined ? dst : `${dst} dev #${oif}`) : `${dst} via ${via}`;
}

function encodeRoute(
  spec: RouteSpec,
  protocol: number,
  type: number,
  scope: number,
  order: ByteOrder,
): Uint8Array {
  checkSpec('route', spec);
  refuseUnknown(`Route ${routeText(spec)}`, spec.unknown, rta.routeAttributeNames);
  const { dst, metrics } = spec;
  const table = numberOf(tables, spec.table ?? k.RT_TABLE_MAIN, 'table');
  const { via, oif, nextHops, onlink } = spec.nextHopId === undefined ? spec : NO_HOP;
  const isDefault = dst === 'default';
  const encoder = requestEncoder(order);
  encoder.putU32(0); // family and prefix length are patched in below
  encoder
    .putU8(table < 256 ? table : k.RT_TABLE_UNSPEC)
    .putU8(numberOf(protocols, spec.protocol ?? protocol, 'protocol'), 'protocol');
  encoder.putU8(0).putU8(numberOf(routeTypes, spec.type ?? type, 'type'), 'type');
  encoder.putU32(onlink === true ? k.RTNH_F_ONLINK : 0);
  let family: number;
  if (isDefault) {
    family = familyOfDefault(spec);
  } else {
    const end = addressEnd(dst, 'Destination');
    const size = encoder.addressText(rta.RTA_DST, dst, 0, end, 'Destination');
    const length = lengthOf(dst, end, size, 'Destination');
    family = familyOfSize(size);
    // `ip` sends no address for a zero-length prefix.
    if (length === 0) {
      encoder.rewind(rta.RTMSG_SIZE);
    }
    encoder.patchU8(1, length);
  }
  encoder.patchU8(0, family);
  // IPv6 has no scopes: the kernel ignores the value and reports universe.
  const inFamily = family === k.AF_INET6 ? k.RT_SCOPE_UNIVERSE : scope;
  encoder.patchU8(6, numberOf(scopes, spec.scope ?? inFamily, 'scope'));
  if (spec.tos !== undefined) {
    encoder.patchU8(3, spec.tos);
  }
  if (spec.from !== undefined) {
    const end = addressEnd(spec.from, 'Source');
    const size = encoder.addressText(rta.RTA_SRC, spec.from, 0, end, 'Source prefix');
    encoder.patchU8(2, lengthOf(spec.from, end, size, 'Source prefix'));
  }
  if (via !== undefined) {
    writeGateway(encoder, via, family);
  }
  if (spec.src !== undefined) {
    encoder.address(rta.RTA_PREFSRC, spec.src, 'Source');
  }
  if (table > 255) {
    encoder.u32(rta.RTA_TABLE, table, 'table');
  }
  if (spec.priority !== undefined) {
    encoder.u32(rta.RTA_PRIORITY, spec.priority, 'priority');
  }
  if (oif !== undefined) {
    encoder.u32(rta.RTA_OIF, oif, 'oif');
  }
  if (spec.mtu !== undefined || metrics !== undefined) {
    const token = encoder.nest(rta.RTA_METRICS);
    checkSpec('metrics', metrics ?? {});
    writeFields(encoder, rta.metricsTable, spec.mtu === undefined ? metrics! : { ...metrics, mtu: spec.mtu });
    encoder.end(token);
  }
  if (nextHops !== undefined) {
    writeNextHops(encoder, nextHops, family);
  }
  if (spec.realms !== undefined) {
    encoder.u32(rta.RTA_FLOW, spec.realms, 'realms');
  }
  if (spec.encapType !== undefined && spec.encap !== undefined) {
    encoder.raw(rta.RTA_ENCAP | NLA_F_NESTED, spec.encap);
    encoder.u16(rta.RTA_ENCAP_TYPE, spec.encapType, 'encapType');
  }
  if (spec.nextHopId !== undefined) {
    encoder.u32(rta.RTA_NH_ID, spec.nextHopId, 'nextHopId');
  }
  if (spec.preference !== undefined) {
    encoder.u8(rta.RTA_PREF, numberOf(preferences, spec.preference, 'preference'), 'preference');
  }
  if (spec.expires !== undefined) {
    encoder.u32(rta.RTA_EXPIRES, spec.expires, 'expires');
  }
  return encoder.finish();
}

/** The hop of a route with a next hop object. */
const NO_HOP: Pick<RouteSpec, 'via' | 'oif' | 'nextHops' | 'onlink'> = {};

function familyOfDefault({ family, via, src, nextHops }: RouteSpec): number {
  if (family !== undefined) {
    return familyNumber(family);
  }
  const hint = via ?? src ?? nextHops?.[0]?.via;
  if (hint === undefined) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'A default route without a gateway needs its family');
  }
  return String(hint).includes(':') ? k.AF_INET6 : k.AF_INET;
}

function writeGateway(encoder: Encoder, via: string, family: number): void {
  const start = encoder.length;
  const other = familyOfSize(encoder.address(rta.RTA_GATEWAY, via, 'Gateway'));
  if (other === family) {
    return;
  }
  encoder.rewind(start);
  const token = encoder.nest(rta.RTA_VIA);
  encoder.putU16(other).putAddress(via, 'Gateway').end(token);
}

/** struct rtnexthop and its attributes, one after the other. */
function writeNextHops(encoder: Encoder, hops: readonly NextHop[], family: number): void {
  const token = encoder.nest(rta.RTA_MULTIPATH);
  for (const hop of hops) {
    checkSpec('next hop', hop);
    const { via, oif = 0, weight = 1, onlink = false, unknown } = hop;
    refuseUnknown('Next hop', unknown, rta.routeAttributeNames);
    const start = encoder.length;
    encoder.putU16(0).putU8(onlink ? k.RTNH_F_ONLINK : 0);
    encoder.putU8(weight - 1, 'weight - 1').putI32(oif, 'oif');
    if (via !== undefined) {
      writeGateway(encoder, via, family);
    }
    encoder.patchU16(start, encoder.length - start);
  }
  encoder.end(token);
}
