import { compareAddresses, parseAddress } from './address.ts';
import { type RangeSet, rangeFor, rangeSetSize, rangeSetText } from './range.ts';

/** How full something is. Above 2^53 the numbers are inexact, as those of an IPv6 /64 are. */
export interface Usage {
  /** Addresses that can be given out at all. */
  total: number;
  used: number;
  free: number;
}

/** How full each range set is; `full` when an ADD without wishes would fail for want of an address. */
export interface PoolStatus {
  sets: (Usage & { ranges: string })[];
  full: boolean;
}

/** Counts taken addresses by range set. Names that are no addresses do not count, nor do gateways. */
export function statusOf(rangeSets: readonly RangeSet[], taken: ReadonlySet<string>): PoolStatus {
  const used = rangeSets.map(() => 0);
  for (const name of taken) {
    const address = parseAddress(name);
    if (!address) {
      continue;
    }
    const index = rangeSets.findIndex((set) => {
      const range = rangeFor(set, address);
      return range && compareAddresses(range.gateway, address) !== 0;
    });
    if (index >= 0) {
      used[index] = used[index]! + 1;
    }
  }
  const sets = rangeSets.map((set, i) => {
    const total = rangeSetSize(set);
    return { ranges: rangeSetText(set), total, used: used[i]!, free: total - used[i]! };
  });
  return { sets, full: sets.some(({ free }) => free <= 0) };
}
