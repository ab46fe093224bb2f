import { type Address, addressBeside, compareAddresses } from './address.ts';
import { type Range, type RangeSet, rangeContains } from './range.ts';

/** An address to try, and its range. */
export interface Candidate {
  address: Address;
  range: Range;
}

/**
 * Returns a function that returns the addresses of a set one by one, and `undefined` at the end. The order is
 * round robin through all ranges without their gateways: from the address after `last` to `last` itself, or
 * from the first address when no range contains `last`.
 */
export function candidates(set: RangeSet, last: Address | undefined): () => Candidate | undefined {
  const lastIndex = last ? set.findIndex((range) => rangeContains(range, last)) : -1;
  let index = Math.max(lastIndex, 0);
  let current: Address | undefined = lastIndex < 0 ? undefined : last;
  let first: Address | undefined;

  function step(): Address {
    const range = set[index]!;
    if (current === undefined) {
      return range.start;
    }
    if (compareAddresses(current, range.end) !== 0) {
      return addressBeside(current, 1);
    }
    index = (index + 1) % set.length;
    return set[index]!.start;
  }

  return () => {
    for (;;) {
      current = step();
      if (first === undefined) {
        first = current;
      } else if (compareAddresses(current, first) === 0) {
        return undefined;
      }
      const range = set[index]!;
      if (compareAddresses(current, range.gateway) !== 0) {
        return { address: current, range };
      }
    }
  };
}
