import { type Address, compareAddresses, formatAddress, formatSubnet, parseAddress } from './address.ts';
import { type Candidate, candidates } from './allocate.ts';
import { collect, type GcOptions, type GcResult } from './collect.ts';
import { IpamError } from './errors.ts';
import { assertOwner } from './owner.ts';
import { parseRangeSets, type RangeConfig, type RangeSet, rangeFor, rangeSetText } from './range.ts';
import { type PoolStatus, statusOf } from './status.ts';
import type { Claim, Listing, Owner, Reservation, Store } from './store.ts';

/** What `Ipam` is made of. */
export interface IpamOptions {
  /** As configured (validated then, IpamError CONFIG) or as `parseIpamConfig` gave them. */
  rangeSets: readonly (readonly RangeConfig[])[] | readonly RangeSet[];
  store: Store;
}

/** Who asks for addresses. */
export interface AddRequest extends Claim {
  /** Addresses wanted, at most one a range set; sets without one choose. */
  requested?: readonly string[];
}

/** An address given out. */
export interface AllocatedAddress {
  /** With the prefix length of its subnet: '10.244.1.2/24'. */
  address: string;
  /** '10.244.1.1'. */
  gateway: string;
}

/** Whom CHECK asks about. */
export interface CheckRequest extends Owner {
  /** What it must hold, with or without prefix length; by default anything. Addresses outside the ranges are not ours to check. */
  addresses?: readonly string[];
}

/** After so many taken addresses in a row one listing of all is cheaper than more attempts. */
const ATTEMPTS = 8;

function parsed(sets: IpamOptions['rangeSets']): readonly RangeSet[] {
  const first = sets[0]?.[0];
  return first && 'start' in first
    ? (sets as readonly RangeSet[])
    : parseRangeSets(sets as readonly (readonly RangeConfig[])[]);
}

/**
 * The allocator of the reference host-local over any store: one address from each range set, round
 * robin after the one given out last. Every method may throw IpamError LOCK_TIMEOUT and IO from the
 * store.
 */
export class Ipam {
  readonly #sets: readonly RangeSet[];
  readonly #store: Store;

  constructor({ rangeSets, store }: IpamOptions) {
    this.#sets = parsed(rangeSets);
    this.#store = store;
  }

  /**
   * Gives an attachment one address of each set, or throws and leaves nothing: EXHAUSTED, DUPLICATE
   * (it holds one already and asked for none in particular), UNAVAILABLE (a requested address is
   * taken, the gateway, in no set, or the second of one set), OWNER.
   */
  add(request: AddRequest): { ips: AllocatedAddress[] } {
    assertOwner(request);
    const wanted = this.#assign(request.requested ?? []);
    const store = this.#store;
    return store.lock(() => {
      const held = wanted.includes(undefined) ? store.find(request) : [];
      const reserved: string[] = [];
      try {
        const ips = this.#sets.map((set, i) => {
          const { address, range } = this.#addFrom(set, i, request, wanted[i], held);
          reserved.push(formatAddress(address));
          return {
            address: formatSubnet({ address, prefix: range.prefix }),
            gateway: formatAddress(range.gateway),
          };
        });
        return { ips };
      } catch (error) {
        for (const address of reserved) {
          try {
            store.release(address, request);
          } catch {
            // The first failure is the one to report; the runtime's DEL or gc() frees the rest.
          }
        }
        throw error;
      }
    });
  }

  /** Frees what an attachment holds and says what that was; nothing held is no error. OWNER. */
  del(owner: Owner): string[] {
    assertOwner(owner);
    const store = this.#store;
    return store.lock(() => store.find(owner).filter((address) => store.release(address, owner)));
  }

  /** What an attachment holds: `['10.244.1.2']`. OWNER. */
  held(owner: Owner): string[] {
    assertOwner(owner);
    return this.#store.lock(() => this.#store.find(owner));
  }

  /** Throws NOT_FOUND unless an attachment holds `addresses`, or anything when there are none given. OWNER. */
  check(request: CheckRequest): void {
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
      if (!address || !this.#sets.some((set) => rangeFor(set, address))) {
        continue;
      }
      if (!held.includes(formatAddress(address))) {
        throw new IpamError(
          'NOT_FOUND',
          `Address ${text} is not reserved for container ${containerID}, which holds ${held.join(', ')}`,
        );
      }
    }
  }

  /** Frees every reservation of this store whose attachment is not in `valid`. */
  gc(valid: readonly Owner[], options?: GcOptions): GcResult {
    return collect(this.#store, valid, options);
  }

  /** The reservations that `isAlive` denies. Changes nothing: hand the rest to `gc`, or release them. */
  leaks(isAlive: (reservation: Reservation) => boolean): Reservation[] {
    return this.list().reservations.filter((reservation) => !isAlive(reservation));
  }

  /** Every reservation of the store, and what lies there that is none. */
  list(): Listing {
    return this.#store.list();
  }

  /** How full the range sets are; without the lock, so an ADD in progress may or may not count. */
  status(): PoolStatus {
    return statusOf(this.#sets, this.#store.taken());
  }

  /** Which requested address each set is to give. */
  #assign(requested: readonly string[]): (Candidate | undefined)[] {
    const open = requested.map((text): { text: string; address: Address } => {
      const address = parseAddress(text.split('/', 1)[0]!);
      if (!address) {
        throw new IpamError('CONFIG', `invalid IP address ${text}`);
      }
      return { text: formatAddress(address), address };
    });
    const wanted = this.#sets.map((set) => {
      const at = open.findIndex(({ address }) => rangeFor(set, address));
      if (at < 0) {
        return undefined;
      }
      const { address } = open.splice(at, 1)[0]!;
      return { address, range: rangeFor(set, address)! };
    });
    if (open.length > 0) {
      const rest = open.map(({ text }) => text).join(' ');
      throw new IpamError('UNAVAILABLE', `failed to allocate all requested IPs: ${rest}`);
    }
    return wanted;
  }

  #addFrom(
    set: RangeSet,
    index: number,
    claim: Claim,
    wanted: Candidate | undefined,
    held: readonly string[],
  ): Candidate {
    const store = this.#store;
    const fail = (code: 'UNAVAILABLE' | 'DUPLICATE' | 'EXHAUSTED', message: string): never => {
      throw new IpamError(code, `failed to allocate for range ${index}: ${message}`);
    };
    const reserve = ({ address }: Candidate) => store.reserve(formatAddress(address), claim, index);
    if (wanted) {
      const text = formatAddress(wanted.address);
      if (compareAddresses(wanted.address, wanted.range.gateway) === 0) {
        return fail('UNAVAILABLE', `requested ip ${text} is subnet's gateway`);
      }
      if (reserve(wanted)) {
        return wanted;
      }
      return fail(
        'UNAVAILABLE',
        `requested IP address ${text} is not available in range set ${rangeSetText(set)}`,
      );
    }
    for (const text of held) {
      const address = parseAddress(text);
      if (address && rangeFor(set, address)) {
        return fail(
          'DUPLICATE',
          `${text} has been allocated to ${claim.containerID}, duplicate allocation is not allowed`,
        );
      }
    }
    return (
      this.#firstFree(set, index, reserve) ??
      (store.reclaim?.() ? this.#firstFree(set, index, reserve) : undefined) ??
      fail('EXHAUSTED', `no IP addresses available in range set: ${rangeSetText(set)}`)
    );
  }

  #firstFree(
    set: RangeSet,
    index: number,
    reserve: (candidate: Candidate) => boolean,
  ): Candidate | undefined {
    const last = this.#store.last(index);
    const next = candidates(set, last === undefined ? undefined : parseAddress(last));
    let taken: ReadonlySet<string> | undefined;
    for (let attempt = 1; ; attempt++) {
      const candidate = next();
      if (!candidate) {
        return undefined;
      }
      if (attempt > ATTEMPTS) {
        taken ??= this.#store.taken();
      }
      if (!taken?.has(formatAddress(candidate.address)) && reserve(candidate)) {
        return candidate;
      }
    }
  }
}
