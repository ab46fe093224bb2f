/**
 * What the result shapes of all versions share: texts become canonical, what is empty goes away.
 * The zero of `mtu`, `advmss` and `priority` says nothing; that of `table`, `scope` and `interface` does.
 */
import { formatAddress, formatPrefix } from '@cnikit/ip';
import { parseCidr, parseIp } from '../address.ts';
import type { Dns, Route } from '../schemas/index.ts';

/** Canonical text of an address with prefix that the guard has accepted. */
export function canonicalCidr(text: string): string {
  const cidr = parseCidr(text);
  if (!cidr) {
    throw new TypeError(`Invalid address ${JSON.stringify(text)}`);
  }
  return formatPrefix(cidr);
}

/** Canonical text of an address; undefined for none. */
export function canonicalIp(text: string | undefined): string | undefined {
  if (text === undefined || text === '') {
    return undefined;
  }
  const bytes = parseIp(text);
  if (!bytes) {
    throw new TypeError(`Invalid address ${JSON.stringify(text)}`);
  }
  return formatAddress(bytes);
}

/** "4" or "6", after canonicalCidr: IPv4-mapped addresses count as 4. */
export function familyOf(cidr: string): '4' | '6' {
  return cidr.includes(':') ? '6' : '4';
}

/** The dns, or undefined if nothing is in it. */
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

/** A route with canonical texts. */
export function cleanRoute(route: Route): Route {
  const out: Route = { dst: canonicalCidr(route.dst) };
  const gw = canonicalIp(route.gw);
  if (gw !== undefined) {
    out.gw = gw;
  }
  if (route.mtu) {
    out.mtu = route.mtu;
  }
  if (route.advmss) {
    out.advmss = route.advmss;
  }
  if (route.priority) {
    out.priority = route.priority;
  }
  if (route.table !== undefined) {
    out.table = route.table;
  }
  if (route.scope !== undefined) {
    out.scope = route.scope;
  }
  return out;
}

/** The list, or undefined if it is absent or empty. */
export function mapNonEmpty<T, U>(list: readonly T[] | undefined, map: (item: T) => U): U[] | undefined {
  return list && list.length > 0 ? list.map(map) : undefined;
}

/** The object without its undefined properties, so that results compare and print alike. */
export function compact<T extends object>(value: T): T {
  const out: Partial<T> = {};
  for (const key in value) {
    if (value[key] !== undefined) {
      out[key] = value[key];
    }
  }
  return out as T;
}
