/**
 * Reservations on disk in the format of host-local, which may use the same directory at the same time.
 *
 * ```ts
 * import { Ipam } from '@cnikit/ipam';
 * import { fileStore } from '@cnikit/ipam/file-store';
 * import { sys } from '@cnikit/sys';
 *
 * const store = fileStore({ sys, dir: '/run/cnikit/ipam/pods' });
 * const ipam = new Ipam({ rangeSets: [[{ subnet: '10.244.1.0/24' }]], store });
 * ```
 *
 * @module
 */

import type { Sys } from '@cnikit/sys';
import { checkKeys } from '#check-keys';
import { IpamError } from './errors.ts';
import { Directory } from './file/directory.ts';
import { isAddressName, LOCK_NAME } from './file/format.ts';
import { withFlock } from './file/lock.ts';
import { orphanedIndexes, removeOrphanedIndexes } from './file/orphaned-indexes.ts';
import { INCOMPLETE, makeDirs, OwnerIndex, sharesEntry } from './file/owner-index.ts';
import { type AddressInUse, holds, isSysError, ReservationWriter } from './file/reservation-writer.ts';
import type { Session } from './file/session.ts';
import type { Claim, Owner, Store } from './store.ts';

export type { AddressInUse };

/** Options of {@link fileStore}. */
export interface FileStoreOptions {
  sys: Sys;
  /**
   * Directory of the network, `<dataDir>/<network name>`. Created if missing, as its index in
   * `<dataDir>/.cnikit/`.
   */
  dir: string;
  /**
   * How long to wait for the lock, in milliseconds.
   *
   * @default 30_000, as runtimes allow a plugin minutes
   */
  lockTimeoutMs?: number;
  /**
   * Returns the addresses of the ranges that running pods have. Called under the lock when reservations may be lost,
   * which is when the directory is new or empty. Those with an owner are reserved again; the others are not allocated.
   * Called again when it is the turn of such an address.
   *
   * @default nothing is looked for
   */
  inUse?: (() => readonly AddressInUse[]) | undefined;
}

class FileStore implements Store {
  readonly #sys: Sys;
  readonly #dataDir: string;
  readonly #dir: Directory;
  readonly #index: OwnerIndex;
  readonly #writer: ReservationWriter;
  readonly #lockTimeoutMs: number;
  readonly #inUse: FileStoreOptions['inUse'];
  #session: Session | undefined;

  constructor(options: FileStoreOptions) {
    checkKeys<keyof FileStoreOptions>('options', options, {
      sys: true,
      dir: true,
      lockTimeoutMs: true,
      inUse: true,
    });
    const { sys, dir, lockTimeoutMs = 30_000, inUse } = options;
    const path = dir.replace(/\/+$/, '');
    const cut = path.lastIndexOf('/');
    this.#sys = sys;
    this.#dataDir = cut < 0 ? '.' : path.slice(0, cut);
    this.#dir = new Directory(sys, path);
    this.#index = new OwnerIndex(sys, `${this.#dataDir}/.cnikit/${path.slice(cut + 1)}`);
    this.#writer = new ReservationWriter(sys, this.#dir, this.#index);
    this.#lockTimeoutMs = lockTimeoutMs;
    this.#inUse = inUse;
  }

  lock<T>(body: () => T): T {
    const lockPath = this.#dir.file(LOCK_NAME);
    const locked = () =>
      withFlock(this.#sys, lockPath, this.#lockTimeoutMs, () => {
        try {
          return body();
        } finally {
          this.#seal();
          this.#session = undefined;
        }
      });
    return this.#explain(() => {
      try {
        return locked();
      } catch (error) {
        // The first user of a network creates its directory, unless another process has done so since.
        if (!isSysError(error) || error.code !== 'ENOENT' || error.path !== lockPath) {
          throw error;
        }
        makeDirs(this.#sys, this.#dir.path);
        return locked();
      }
    });
  }

  reserve(address: string, claim: Claim, rangeSet: number): boolean {
    if (this.#open().blocked.has(address) && this.#open(true).blocked.has(address)) {
      return false;
    }
    return this.#change((session) => {
      if (
        !this.#writer.write(address, claim, () =>
          this.#dir.setLast(rangeSet, address, session.lasts[rangeSet]),
        )
      ) {
        return false;
      }
      session.lasts[rangeSet] = address;
      session.owners.set(address, claim);
      return true;
    });
  }

  release(address: string, owner: Owner): boolean {
    return this.#change((session) => {
      const holder = session.owners.get(address) ?? this.#dir.owner(address);
      if (!holds(holder, owner)) {
        return false;
      }
      this.#sys.unlink(this.#dir.file(address));
      session.owners.delete(address);
      this.#index.forget(address, holder);
      return true;
    });
  }

  find(owner: Owner): string[] {
    const session = this.#open();
    const heldUnder = (key: Owner) =>
      this.#index.lookup(key).filter((address) => {
        const holder = this.#dir.owner(address);
        if (holds(holder, owner)) {
          session.owners.set(address, holder);
          return true;
        }
        // A process was killed between writing the entry and the reservation.
        if (!holder || !sharesEntry(holder, key)) {
          this.#index.forget(address, key);
        }
        return false;
      });
    return [...heldUnder(owner), ...(session.unnamed ? heldUnder({ ...owner, ifName: '' }) : [])];
  }

  last(rangeSet: number): string | undefined {
    const { lasts } = this.#open();
    lasts[rangeSet] ??= this.#dir.last(rangeSet);
    return lasts[rangeSet];
  }

  taken(): ReadonlySet<string> {
    return this.#explain(() => new Set(this.#dir.names()));
  }

  list() {
    return this.#explain(() => this.#dir.list((owner) => this.#index.pod(owner)));
  }

  reclaim(): boolean {
    return this.#change(() => this.#reclaim());
  }

  tidy(): void {
    this.#change(({ sealed }) => {
      this.#reclaim();
      const { files } = this.#dir.scan();
      this.#index.rebuild(files, sealed);
      this.#index.sweep(files);
    });
    this.#explain(() => removeOrphanedIndexes(this.#sys, this.#dataDir));
  }

  orphans(): string[] {
    return this.#explain(() => [
      ...this.#index.orphans(this.#dir.scan().files),
      ...orphanedIndexes(this.#sys, this.#dataDir),
    ]);
  }

  #reclaim(): boolean {
    const empty = this.#dir.names().filter((name) => isAddressName(name) && this.#dir.size(name) === 0);
    for (const name of empty) {
      this.#sys.unlink(this.#dir.file(name));
    }
    return empty.length > 0;
  }

  /** Completes the index, once per hold of the lock. `again`: also looks for addresses in use, at most once. */
  #open(again = false): Session {
    const before = this.#session;
    const look = again && this.#inUse !== undefined && before?.looked !== true;
    if (before && !look) {
      return before;
    }
    const last = this.#dir.last(0);
    const fingerprint = this.#dir.fingerprint(last);
    const session: Session = {
      unnamed: false,
      blocked: new Set(),
      changed: false,
      broken: false,
      owners: new Map(),
      ...before,
      looked: false,
      sealed: fingerprint,
      lasts: [last],
    };
    const isNew = last === undefined && this.#inUse !== undefined;
    if (isNew || !this.#index.isSealed(fingerprint)) {
      const { files } = this.#dir.scan();
      const incomplete = this.#index.isSealed(INCOMPLETE);
      const recorded = incomplete && !look ? this.#index.unreserved() : undefined;
      const isLost = isNew || files.length === 0 || !this.#index.exists();
      if (this.#inUse && (isLost || (incomplete && recorded === undefined))) {
        const count = files.length;
        session.looked = true;
        session.blocked = this.#writer.recover(files, this.#inUse());
        session.changed ||= files.length > count;
      } else {
        const reserved = new Set(files.map(({ address }) => address));
        session.blocked = new Set(recorded?.filter((address) => !reserved.has(address)));
      }
      // Reservations without interface name have another key. While there are any, the index stays unsealed.
      session.unnamed = files.some(({ owner }) => owner.ifName === '');
      if (session.blocked.size > 0 || (incomplete && recorded === undefined && !session.looked)) {
        session.sealed = INCOMPLETE;
      } else if (session.unnamed) {
        session.sealed = undefined;
      }
      this.#index.rebuild(files, session.sealed);
    }
    this.#session = session;
    return session;
  }

  #change<T>(body: (session: Session) => T): T {
    const session = this.#open();
    const { broken } = session;
    session.changed = true;
    session.broken = true;
    const result = body(session);
    // An earlier failure stays: only a scan finds what it left.
    session.broken = broken;
    return result;
  }

  #seal(): void {
    const session = this.#session;
    const { changed, broken, sealed } = session ?? {};
    if (session === undefined || !changed || broken || sealed === undefined || sealed === INCOMPLETE) {
      return;
    }
    try {
      this.#index.reseal(sealed, this.#dir.fingerprint(session.lasts[0]));
    } catch (error) {
      // The request has succeeded. Without a seal, the next process rebuilds the index.
      if (!isSysError(error)) {
        throw error;
      }
    }
  }

  #explain<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!isSysError(error)) {
        throw error;
      }
      const hint = error.syscall === 'link' ? '. Use a file system with hard links' : '';
      throw new IpamError(
        'IO',
        `Cannot use the reservations in ${this.#dir.path}: ${error.message}${hint}`,
        error,
      );
    }
  }
}

/**
 * Opens the reservations in a directory, which host-local or another `fileStore` may use at the same time.
 * The methods throw `IpamError` `LOCK_TIMEOUT`, and `IO` with the SysError as `cause`.
 */
export function fileStore(options: FileStoreOptions): Store {
  return new FileStore(options);
}
