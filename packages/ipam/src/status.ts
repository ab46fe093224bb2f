import { compareAddresses, parseAddress } from './address.ts';
import { type RangeSet, rangeFor, rangeSetSize, rangeSetText } from './range.ts';

/** Usage of a range set. Numbers above 2^53, such as those of an IPv6 /64, are inexact. */
export interface Usage {
  /** Number of addresses that can be allocated. */
  total: number;
  used: number;
  free: number;
}

/** Usage of each range set. `full`: some set has no free address, so that an ADD would fail. */
export interface PoolStatus {
  sets: (Usage & { ranges: string })[];
  full: boolean;
}

/** Counts taken addresses by range set, without gateways and names that are not addresses. */
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
