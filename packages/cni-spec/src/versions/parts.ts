/**
 * Parts of results that all formats share. Addresses become canonical, and empty values are dropped: for
 * `mtu`, `advmss` and `priority` also 0, which is a value for `table`, `scope` and `interface`.
 */
import { formatAddress, formatPrefix } from '@cnikit/ip';
import { parseCidr, parseIp } from '../address.ts';
import type { Dns, Route } from '../schemas/index.ts';
import type { Version } from '../version.ts';

/** A result with its version, which comes first for readers. */
export type Stamped<T> = T & { cniVersion: Version };

/** Returns the canonical text of an address with prefix length, which the guard has accepted. */
export function canonicalCidr(text: string): string {
  const length = text.indexOf('/') + 1;
  if (isIpv4(text) && (text[length] !== '0' || length === text.length - 1)) {
    return text;
  }
  const cidr = parseCidr(text);
  if (!cidr) {
    throw new TypeError(`Invalid address ${JSON.stringify(text)}`);
  }
  return formatPrefix(cidr);
}

/** Returns the canonical text of an address, or `undefined` for none. */
export function canonicalIp(text: string | undefined): string | undefined {
  if (text === undefined || text === '') {
    return undefined;
  }
  if (isIpv4(text)) {
    return text;
  }
  const bytes = parseIp(text);
  if (!bytes) {
    throw new TypeError(`Invalid address ${JSON.stringify(text)}`);
  }
  return formatAddress(bytes);
}

/** Returns true for an IPv4 address that the guard has accepted: it has one spelling, except for zeros before its length. */
function isIpv4(text: string): boolean {
  return !text.includes(':');
}

/** Returns '4' or '6' for a result of `canonicalCidr()`. */
export function familyOf(cidr: string): '4' | '6' {
  return cidr.includes(':') ? '6' : '4';
}

/** Returns the dns without empty parts, or `undefined` if nothing remains. */
export function cleanDns(dns: Dns | undefined): Dns | undefined {
  if (!dns) {
    return undefined;
  }
  const out: Dns = {};
  if (dns.nameservers?.length) {
    out.nameservers = [...dns.nameservers];
  }
  if (dns.domain) {
    out.domain = dns.domain;
  }
  if (dns.search?.length) {
    out.search = [...dns.search];
  }
  if (dns.options?.length) {
    out.options = [...dns.options];
  }
  return Object.keys(out).length > 0 ? out : undefined;
}

/** Returns a route with canonical addresses. */
export function cleanRoute(route: Route): Route {
  const { gw, mtu, advmss, priority, table, scope } = route;
  const out: Route = { dst: canonicalCidr(route.dst) };
  if (gw) {
    out.gw = canonicalIp(gw);
  }
  if (mtu) {
    out.mtu = mtu;
  }
  if (advmss) {
    out.advmss = advmss;
  }
  if (priority) {
    out.priority = priority;
  }
  if (table !== undefined) {
    out.table = table;
  }
  if (scope !== undefined) {
    out.scope = scope;
  }
  return out;
}

/** Maps a list. Returns `undefined` if it is absent or empty. */
export function mapNonEmpty<T, U>(list: readonly T[] | undefined, map: (item: T) => U): U[] | undefined {
  return list && list.length > 0 ? list.map(map) : undefined;
}

/** Returns the object without its undefined properties, so that results compare and print equal. */
export function compact<T extends object>(value: T): T {
  const out: Partial<T> = {};
  for (const key in value) {
    if (value[key] !== undefined) {
      out[key] = value[key];
    }
  }
  return out as T;
}
