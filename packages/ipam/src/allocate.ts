import { type Address, addressBeside, compareAddresses, formatAddress, parseAddress } from './address.ts';
import { type Range, type RangeSet, rangeContains } from './range.ts';
import type { Claim, Store } from './store.ts';

/** After this number of taken addresses in a row, one listing is cheaper than more attempts. */
const MAX_ATTEMPTS = 8;

/** An address to try, and its range. */
export interface Candidate {
  address: Address;
  /** The address in canonical text. */
  text: string;
  range: Range;
}

/**
 * The addresses of a set in the order to try them: round robin through all ranges without their gateways, from the address
 * after `last` to `last` itself, or from the first address when no range contains `last`.
 */
export class Candidates {
  readonly #set: RangeSet;
  #index: number;
  #current: Address | undefined;
  #first: Address | undefined;

  constructor(set: RangeSet, last: Address | undefined) {
    const index = last ? indexOf(set, last) : -1;
    this.#set = set;
    this.#index = Math.max(index, 0);
    this.#current = index < 0 ? undefined : last;
  }

  /** Returns the next address, and `undefined` at the end. */
  next(): Candidate | undefined {
    for (;;) {
      const address = this.#step();
      if (this.#first === undefined) {
        this.#first = address;
      } else if (compareAddresses(address, this.#first) === 0) {
        return undefined;
      }
      this.#current = address;
      const range = this.#set[this.#index]!;
      if (compareAddresses(address, range.gateway) !== 0) {
        return { address, text: formatAddress(address), range };
      }
    }
  }

  #step(): Address {
    const range = this.#set[this.#index]!;
    if (this.#current === undefined) {
      return range.start;
    }
    if (compareAddresses(this.#current, range.end) !== 0) {
      return addressBeside(this.#current, 1);
    }
    this.#index = (this.#index + 1) % this.#set.length;
    return this.#set[this.#index]!.start;
  }
}

function indexOf(set: RangeSet, address: Address): number {
  for (let i = 0; i < set.length; i++) {
    if (rangeContains(set[i]!, address)) {
      return i;
    }
  }
  return -1;
}

/** Reserves the next free address of a set. Returns `undefined` when all are taken. */
export function reserveNext(store: Store, set: RangeSet, index: number, claim: Claim): Candidate | undefined {
  const last = store.last(index);
  const candidates = new Candidates(set, last === undefined ? undefined : parseAddress(last));
  let taken: ReadonlySet<string> | undefined;
  for (let attempt = 1; ; attempt++) {
    const candidate = candidates.next();
    if (!candidate) {
      return undefined;
    }
    if (attempt > MAX_ATTEMPTS) {
      taken ??= store.taken();
    }
    if (!taken?.has(candidate.text) && store.reserve(candidate.text, claim, index)) {
      return candidate;
    }
  }
}
