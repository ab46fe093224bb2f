/** Addresses and prefixes as numbers: canonical text (RFC 5952), containment, exact aggregation. Pure. */
import { parseAddress as addressBytes, type Family } from '@cnikit/netlink/codec';

export type { Family };
export const families: readonly Family[] = ['ipv4', 'ipv6'];

/** `value` is the address as an unsigned number of 32 or 128 bits. */
export interface Address {
  family: Family;
  value: bigint;
}

/** A network: host bits of `value` are zero, `length` is the prefix length. */
export interface Prefix extends Address {
  length: number;
}

const width = { ipv4: 32, ipv6: 128 } as const;

/** Undefined when `text` is no IPv4 or IPv6 address (a zone such as %eth0 is none). */
export function parseAddress(text: string): Address | undefined {
  const bytes = addressBytes(text);
  if (bytes === undefined) return undefined;
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return { family: bytes.length === 4 ? 'ipv4' : 'ipv6', value };
}

/** Undefined when `text` is no prefix; host bits are dropped: `10.0.0.7/24` is `10.0.0.0/24`. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.lastIndexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = width[address.family];
  const digits = slash < 0 ? String(bits) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(digits) || Number(digits) > bits) return undefined;
  return network(address, Number(digits));
}

function network(address: Address, length: number): Prefix {
  const host = BigInt(width[address.family] - length);
  return { family: address.family, value: (address.value >> host) << host, length };
}

export function formatAddress({ family, value }: Address): string {
  if (family === 'ipv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  // RFC 5952: the longest run of at least two zero groups, the first of equal ones, becomes "::".
  let start = -1;
  let best = 1;
  for (let i = 0, run = 0; i < 8; i++) {
    run = groups[i] === 0 ? run + 1 : 0;
    if (run > best) {
      best = run;
      start = i - run + 1;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + best).join(':')}`;
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** True when every address of `inner` is one of `outer`; a bare address is a prefix of full length. */
export function contains(outer: Prefix, inner: Address & { length?: number }): boolean {
  if (outer.family !== inner.family || (inner.length ?? width[inner.family]) < outer.length) return false;
  const host = BigInt(width[outer.family] - outer.length);
  return inner.value >> host === outer.value >> host;
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return contains(a, b) || contains(b, a);
}

/**
 * The fewest prefixes that cover exactly the addresses of `prefixes`, ascending: contained ones go,
 * two halves become their whole. 5,000 podCIDRs of one cluster CIDR make a handful of rules.
 */
export function aggregate(prefixes: Iterable<Prefix>): Prefix[] {
  const sorted = [...prefixes].sort((a, b) =>
    a.family !== b.family
      ? a.family < b.family
        ? -1
        : 1
      : a.value !== b.value
        ? a.value < b.value
          ? -1
          : 1
        : a.length - b.length,
  );
  const out: Prefix[] = [];
  for (const prefix of sorted) {
    const last = out.at(-1);
    if (last !== undefined && contains(last, prefix)) continue;
    out.push(prefix);
    for (;;) {
      const b = out.at(-1)!;
      const a = out.at(-2);
      if (a === undefined || b.length === 0 || a.length !== b.length || a.family !== b.family) break;
      const whole = network(b, b.length - 1);
      if (whole.value !== a.value || !contains(whole, a)) break;
      out.splice(-2, 2, whole);
    }
  }
  return out;
}
