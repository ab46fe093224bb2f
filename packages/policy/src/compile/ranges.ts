import { type Family, familyOf, formatAddress, lastAddress, parseNetwork } from '@cnikit/ip';

/** Addresses of one family from `from` to `to`, both included. */
export interface AddressRange {
  family: Family;
  from: string;
  to: string;
}

interface Interval {
  from: bigint;
  to: bigint;
}

/**
 * Returns the disjoint ranges that cover exactly the addresses of all blocks, each without its exceptions. A block that
 * contains the exception of another one keeps its addresses.
 */
export function rangesOf(
  blocks: readonly { cidr: string; except?: readonly string[] | undefined }[],
): AddressRange[] {
  const byFamily: Record<Family, Interval[]> = { ipv4: [], ipv6: [] };
  for (const { cidr, except = [] } of blocks) {
    const { family, interval } = readInterval(cidr);
    byFamily[family].push(...except.map((text) => readInterval(text).interval).reduce(subtract, [interval]));
  }
  return (['ipv4', 'ipv6'] as const).flatMap((family) =>
    union(byFamily[family]).map(({ from, to }) => ({
      family,
      from: textOf(from, family),
      to: textOf(to, family),
    })),
  );
}

function readInterval(cidr: string): { family: Family; interval: Interval } {
  const network = parseNetwork(cidr)!;
  const interval = { from: numberOf(network.address), to: numberOf(lastAddress(network)) };
  return { family: familyOf(network.address), interval };
}

function subtract(intervals: Interval[], { from, to }: Interval): Interval[] {
  return intervals.flatMap((interval) =>
    [
      { from: interval.from, to: interval.to < from ? interval.to : from - 1n },
      { from: interval.from > to ? interval.from : to + 1n, to: interval.to },
    ].filter((part) => part.from <= part.to),
  );
}

function union(intervals: Interval[]): Interval[] {
  const sorted = intervals.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const merged: Interval[] = [];
  for (const { from, to } of sorted) {
    const last = merged.at(-1);
    if (!last || from > last.to + 1n) {
      merged.push({ from, to });
    } else if (to > last.to) {
      last.to = to;
    }
  }
  return merged;
}

/** Returns the address as a number, for arithmetic. */
function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function textOf(value: bigint, family: Family): string {
  const bytes = new Uint8Array(family === 'ipv4' ? 4 : 16);
  for (let i = bytes.length - 1, rest = value; i >= 0; i--, rest >>= 8n) {
    bytes[i] = Number(rest & 0xffn);
  }
  return formatAddress(bytes);
}

/** Returns the disjoint ranges that cover exactly the numbers of all ranges. */
export function mergePorts(ranges: readonly (readonly [number, number])[]): [number, number][] {
  const merged: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) {
      last[1] = Math.max(last[1], to);
    } else {
      merged.push([from, to]);
    }
  }
  return merged;
}
