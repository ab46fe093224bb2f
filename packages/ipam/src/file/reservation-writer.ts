import type { Sys } from '@cnikit/sys';
import type { Claim, Owner } from '../store.ts';
import type { Directory, OwnedFile } from './directory.ts';
import { errnoOf, isSysError } from './errno.ts';
import { isAddressName } from './format.ts';
import type { OwnerIndex } from './owner-index.ts';

/** An address that a running pod has. */
export interface AddressInUse {
  /** Canonical text: '10.244.1.2', 'fd00::2'. */
  address: string;
  /** The attachment, if known. */
  owner?: Owner | undefined;
}

export function holds(holder: Owner | undefined, { containerID, ifName }: Owner): holder is Owner {
  return holder?.containerID === containerID && (holder.ifName === ifName || holder.ifName === '');
}

/** Writes reservations, each with its entry in the index. Call it under the lock. */
export class ReservationWriter {
  readonly #sys: Sys;
  readonly #dir: Directory;
  readonly #index: OwnerIndex;

  constructor(sys: Sys, dir: Directory, index: OwnerIndex) {
    this.#sys = sys;
    this.#dir = dir;
    this.#index = index;
  }

  /**
   * Writes a reservation, and as the last one of a range set, if given. Returns false when the address is taken.
   *
   * @param previous the last one before, if known
   */
  write(address: string, claim: Claim, rangeSet?: number, previous?: string): boolean {
    let linking = false;
    try {
      const prepared = this.#index.prepare(address, claim, this.#dir);
      if (prepared === undefined) {
        return false;
      }
      linking = true;
      if (!this.#link(prepared, address)) {
        this.#index.forget(address, claim);
        return false;
      }
      if (rangeSet !== undefined) {
        this.#dir.setLast(rangeSet, address, previous);
      }
    } catch (error) {
      this.#withdraw(address, claim, linking);
      throw error;
    }
    return true;
  }

  /** Makes the file of an address. Returns false when it is taken. */
  #link(prepared: string, address: string): boolean {
    const file = this.#dir.file(address);
    try {
      this.#sys.link(prepared, file);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') {
        throw error;
      }
      if (this.#dir.isReserved(address)) {
        return false;
      }
      this.#sys.unlink(file);
      this.#sys.link(prepared, file);
    }
    return true;
  }

  /** Undoes a failed `reserve()`. `linking`: the file of the address may be its own. */
  #withdraw(address: string, claim: Claim, linking: boolean): void {
    try {
      const holder = this.#dir.owner(address);
      if (linking && holds(holder, claim)) {
        this.#sys.unlink(this.#dir.file(address));
      }
      if (linking || holder === undefined) {
        this.#index.forget(address, claim);
      }
    } catch (error) {
      // The caller throws the first error. DEL or GC removes the rest.
      if (!isSysError(error)) {
        throw error;
      }
    }
  }

  /** Reserves lost addresses again and adds them to `files`. Returns the addresses in use without known owner. */
  recover(files: OwnedFile[], inUse: readonly AddressInUse[]): Set<string> {
    // If this process is killed, the next one continues.
    this.#index.markIncomplete();
    const reserved = new Set(files.map(({ address }) => address));
    const unknown = new Set<string>();
    for (const { address, owner } of inUse) {
      if (reserved.has(address) || !isAddressName(address)) {
        continue;
      }
      if (owner === undefined) {
        unknown.add(address);
      } else if (this.write(address, owner)) {
        reserved.add(address);
        files.push({ path: this.#dir.file(address), address, owner });
      }
    }
    if (unknown.size > 0) {
      this.#index.setUnreserved(unknown);
    }
    return unknown;
  }
}
