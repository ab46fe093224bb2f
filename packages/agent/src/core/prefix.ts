/** Prefixes and addresses as bytes: canonical text (RFC 5952), containment, exact aggregation. Pure. */
import { formatAddress as addressText, type Family, parseAddress as parseBytes } from '@cnikit/netlink/codec';

export type { Family };
export const families: readonly Family[] = ['ipv4', 'ipv6'];

/** `bytes` are in network order, 4 or 16. */
export interface Address {
  family: Family;
  bytes: Uint8Array;
}

/** A network: host bits are zero, `length` is the prefix length. */
export interface Prefix extends Address {
  length: number;
}

/** The family of an address or prefix that is known to be one. */
export const familyOf = (text: string): Family => (text.includes(':') ? 'ipv6' : 'ipv4');

/** Undefined when `text` is no IPv4 or IPv6 address (a zone such as %eth0 is none). */
export function parseAddress(text: string): Address | undefined {
  const bytes = parseBytes(text);
  return bytes === undefined ? undefined : { family: bytes.length === 4 ? 'ipv4' : 'ipv6', bytes };
}

/** Undefined when `text` is no prefix; host bits are dropped: `10.0.0.7/24` is `10.0.0.0/24`. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.lastIndexOf('/');
  const bytes = parseBytes(slash < 0 ? text : text.slice(0, slash));
  if (bytes === undefined) {
    return undefined;
  }
  const bits = bytes.length * 8;
  const digits = slash < 0 ? String(bits) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(digits) || Number(digits) > bits) {
    return undefined;
  }
  return network({ family: bits === 32 ? 'ipv4' : 'ipv6', bytes }, Number(digits));
}

/** The network of that length around an address. */
export function network({ family, bytes }: Address, length: number): Prefix {
  const kept = bytes.slice();
  const whole = length >> 3;
  if (whole < kept.length) {
    kept[whole]! &= 0xff00 >> (length & 7);
    kept.fill(0, whole + 1);
  }
  return { family, bytes: kept, length };
}

export const formatAddress = ({ bytes }: Address): string => addressText(bytes);
export const formatPrefix = ({ bytes, length }: Prefix): string => `${addressText(bytes)}/${length}`;

/** True when every address of `inner` is one of `outer`; a bare address is a prefix of full length. */
export function contains(outer: Prefix, inner: Address & { length?: number }): boolean {
  const [a, b] = [outer.bytes, inner.bytes];
  if (a.length !== b.length || (inner.length ?? b.length * 8) < outer.length) {
    return false;
  }
  const whole = outer.length >> 3;
  for (let i = 0; i < whole; i++) {
    if (a[i] !== b[i]) {
      return false;
    }
  }
  const rest = outer.length & 7;
  return rest === 0 || (a[whole]! ^ b[whole]!) >> (8 - rest) === 0;
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return contains(a, b) || contains(b, a);
}

/**
 * The fewest prefixes that cover exactly the addresses of `prefixes`, ascending: contained ones go,
 * two halves become their whole. 5,000 podCIDRs of one cluster CIDR make a handful of rules.
 */
export function aggregate(prefixes: Iterable<Prefix>): Prefix[] {
  const sorted = [...prefixes].sort(compare);
  const out: Prefix[] = [];
  for (const prefix of sorted) {
    const last = out.at(-1);
    if (last !== undefined && contains(last, prefix)) {
      continue;
    }
    out.push(prefix);
    for (;;) {
      const b = out.at(-1)!;
      const a = out.at(-2);
      if (a === undefined || b.length === 0 || a.length !== b.length || a.family !== b.family) {
        break;
      }
      // `a` sorts before `b`, so it is the lower half if the two are halves at all.
      const whole = network(a, a.length - 1);
      if (compareBytes(whole.bytes, a.bytes) !== 0 || !contains(whole, b)) {
        break;
      }
      out.splice(-2, 2, whole);
    }
  }
  return out;
}

/** By family, address and length. */
function compare(a: Prefix, b: Prefix): number {
  return a.bytes.length - b.bytes.length || compareBytes(a.bytes, b.bytes) || a.length - b.length;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) {
      return a[i]! - b[i]!;
    }
  }
  return 0;
}
