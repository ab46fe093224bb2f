import { checkKeys } from '#check-keys';
import { type Address, compareAddresses, formatAddress, parseAddress } from './address.ts';
import { type Candidate, reserveNext } from './allocate.ts';
import { collect, type GcOptions, type GcResult } from './collect.ts';
import { IpamError, type IpamErrorCode } from './errors.ts';
import { assertOwner } from './owner.ts';
import { parseRangeSets, type RangeConfig, type RangeSet, rangeFor, rangeSetText } from './range.ts';
import { type PoolStatus, statusOf } from './status.ts';
import type { Claim, Listing, Owner, Reservation, Store } from './store.ts';

/** Options of {@link Ipam}. */
export interface IpamOptions {
  /**
   * Configured range sets, which the constructor validates, or those of `parseIpamConfig()`. Only `add()`, `check()` of
   * addresses and `status()` need them.
   *
   * @default none: nothing can be allocated, and no range be checked
   */
  rangeSets?: readonly (readonly RangeConfig[])[] | readonly RangeSet[] | undefined;
  store: Store;
}

/** A request for addresses. */
export interface AddRequest extends Claim {
  /**
   * Requested addresses, at most one per range set.
   *
   * @default the next free address of each set
   */
  requested?: readonly string[];
}

/** An allocated address. */
export interface AllocatedAddress {
  /** Address with the prefix length of its subnet: '10.244.1.2/24'. */
  address: string;
  /** '10.244.1.1'. */
  gateway: string;
}

/** A request to check reservations. */
export interface CheckRequest extends Owner {
  /**
   * Addresses that the owner must hold, with or without prefix length. Addresses outside the ranges are
   * ignored.
   *
   * @default any address
   */
  addresses?: readonly string[];
}

function parsed(sets: IpamOptions['rangeSets']): readonly RangeSet[] {
  if (sets === undefined) {
    return [];
  }
  const first = sets[0]?.[0];
  return first && 'start' in first
    ? (sets as readonly RangeSet[])
    : parseRangeSets(sets as readonly (readonly RangeConfig[])[]);
}

/**
 * The allocator of host-local over any store: one address from each range set, round robin after the last
 * one. Every method may throw `IpamError` `LOCK_TIMEOUT` and `IO` from the store.
 */
export class Ipam {
  readonly #sets: readonly RangeSet[];
  readonly #store: Store;

  constructor(options: IpamOptions) {
    checkKeys<keyof IpamOptions>('options', options, { rangeSets: true, store: true });
    const { rangeSets, store } = options;
    this.#sets = parsed(rangeSets);
    this.#store = store;
  }

  /**
   * Reserves one address of each set for an attachment. On an error it reserves nothing.
   *
   * @throws {IpamError} `CONFIG` without range sets; `EXHAUSTED`; `DUPLICATE` when the attachment holds an address and requests none;
   * `UNAVAILABLE` when a requested address is taken, the gateway, in no set, or the second one of a set;
   * `OWNER`
   */
  add(request: AddRequest): { ips: AllocatedAddress[] } {
    checkKeys<keyof AddRequest>('request', request, {
      containerID: true,
      ifName: true,
      pod: true,
      requested: true,
    });
    assertOwner(request);
    if (this.#sets.length === 0) {
      throw new IpamError('CONFIG', 'no IP ranges specified');
    }
    const wanted = this.#assign(request.requested ?? []);
    return this.#store.lock(() => this.#reserveAll(request, wanted));
  }

  #reserveAll(claim: Claim, wanted: readonly (Candidate | undefined)[]): { ips: AllocatedAddress[] } {
    const store = this.#store;
    const sets = this.#sets;
    const held = wanted.length > 0 && !wanted.includes(undefined) ? [] : store.find(claim, true);
    const ips: AllocatedAddress[] = [];
    const reserved: string[] = [];
    try {
      for (let i = 0; i < sets.length; i++) {
        const { text, range } = this.#addFrom(sets[i]!, i, claim, wanted[i], held);
        reserved[i] = text;
        ips[i] = { address: `${text}/${range.prefix}`, gateway: formatAddress(range.gateway) };
      }
      return { ips };
    } catch (error) {
      for (const address of reserved) {
        try {
          store.release(address, claim);
        } catch {
          // The first error is thrown. DEL or gc() frees the rest.
        }
      }
      throw error;
    }
  }

  /** Returns true when a range contains the address, or has it as gateway. */
  contains(address: string): boolean {
    const parsed = parseAddress(address);
    return parsed !== undefined && this.#serves(parsed);
  }

  /**
   * Frees the addresses of an attachment and returns them, none if it holds none.
   *
   * @throws {IpamError} `OWNER`
   */
  del(owner: Owner): string[] {
    assertOwner(owner);
    return this.#store.lock(() => this.#releaseAll(owner));
  }

  #releaseAll(owner: Owner): string[] {
    const freed: string[] = [];
    for (const address of this.#store.find(owner)) {
      if (this.#store.release(address, owner)) {
        freed.push(address);
      }
    }
    return freed;
  }

  /**
   * Returns the addresses of an attachment: `['10.244.1.2']`.
   *
   * @throws {IpamError} `OWNER`
   */
  held(owner: Owner): string[] {
    assertOwner(owner);
    return this.#store.lock(() => this.#store.find(owner));
  }

  /**
   * Checks that an attachment holds `addresses`, or any address when none are given.
   *
   * @throws {IpamError} `NOT_FOUND` when it does not; `OWNER`
   */
  check(request: CheckRequest): void {
    checkKeys<keyof CheckRequest>('request', request, { containerID: true, ifName: true, addresses: true });
    assertOwner(request);
    const { containerID, addresses = [] } = request;
    const held = this.#store.lock(() => this.#store.find(request));
    if (held.length === 0) {
      throw new IpamError(
        'NOT_FOUND',
        `host-local: Failed to find address added by container ${containerID}`,
      );
    }
    for (const text of addresses) {
      const address = parseAddress(text.split('/', 1)[0]!);
      if (address && this.#serves(address) && !held.includes(formatAddress(address))) {
        throw new IpamError(
          'NOT_FOUND',
          `Address ${text} is not reserved for container ${containerID}, which holds ${held.join(', ')}`,
        );
      }
    }
  }

  /** Frees every reservation of the store whose attachment is not in `valid`. */
  gc(valid: readonly Owner[], options?: GcOptions): GcResult {
    return collect(this.#store, valid, options);
  }

  /** Returns the reservations whose `isAlive()` is false. Frees nothing. */
  leaks(isAlive: (reservation: Reservation) => boolean): Reservation[] {
    return this.list().reservations.filter((reservation) => !isAlive(reservation));
  }

  /** Returns every reservation of the store, and the entries that are not reservations. */
  list(): Listing {
    return this.#store.list();
  }

  /** Returns the usage of the range sets. Takes no lock, so a concurrent ADD may or may not count. */
  status(): PoolStatus {
    return statusOf(this.#sets, this.#store.taken());
  }

  /**
   * Assigns the requested addresses to the sets. An address that was requested twice counts once. Returns an empty list
   * when none is requested.
   */
  #assign(requested: readonly string[]): (Candidate | undefined)[] {
    if (!Array.isArray(requested)) {
      throw new IpamError(
        'CONFIG',
        `requested is ${JSON.stringify(requested)}: expected a list of addresses`,
      );
    }
    if (requested.length === 0) {
      return [];
    }
    const byText = new Map<string, Address>();
    for (const text of requested) {
      const address = parseAddress(text.split('/', 1)[0]!);
      if (!address) {
        throw new IpamError('CONFIG', `invalid IP address ${text}`);
      }
      byText.set(formatAddress(address), address);
    }
    const open = [...byText].map(([text, address]) => ({ text, address }));
    const wanted = this.#sets.map((set) => {
      const at = open.findIndex(({ address }) => rangeFor(set, address));
      if (at < 0) {
        return undefined;
      }
      const { address, text } = open.splice(at, 1)[0]!;
      return { address, text, range: rangeFor(set, address)! };
    });
    if (open.length > 0) {
      const rest = open.map(({ text }) => text).join(' ');
      throw new IpamError('UNAVAILABLE', `failed to allocate all requested IPs: ${rest}`);
    }
    return wanted;
  }

  #serves(address: Address): boolean {
    return this.#sets.some((set) => rangeFor(set, address));
  }

  #addFrom(
    set: RangeSet,
    index: number,
    claim: Claim,
    wanted: Candidate | undefined,
    held: readonly string[],
  ): Candidate {
    const store = this.#store;
    if (wanted) {
      const { address, text, range } = wanted;
      if (compareAddresses(address, range.gateway) === 0) {
        return failed('UNAVAILABLE', index, `requested ip ${text} is subnet's gateway`);
      }
      if (store.reserve(text, claim, index)) {
        return wanted;
      }
      return failed(
        'UNAVAILABLE',
        index,
        `requested IP address ${text} is not available in range set ${rangeSetText(set)}`,
      );
    }
    for (const text of held) {
      const address = parseAddress(text);
      if (address && rangeFor(set, address)) {
        return failed(
          'DUPLICATE',
          index,
          `${text} has been allocated to ${claim.containerID}, duplicate allocation is not allowed`,
        );
      }
    }
    return (
      reserveNext(store, set, index, claim) ??
      (store.reclaim?.() ? reserveNext(store, set, index, claim) : undefined) ??
      failed('EXHAUSTED', index, `no IP addresses available in range set: ${rangeSetText(set)}`)
    );
  }
}

function failed(code: IpamErrorCode, index: number, message: string): never {
  throw new IpamError(code, `failed to allocate for range ${index}: ${message}`);
}
