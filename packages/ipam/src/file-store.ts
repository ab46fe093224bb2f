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
import { Directory } from './file/directory.ts';
import { explained, isSysError } from './file/errno.ts';
import { isAddressName, LOCK_NAME } from './file/format.ts';
import { acquire, openLock } from './file/lock.ts';
import { withoutSlashes } from './file/make-dirs.ts';
import { orphanedIndexes, removeOrphanedIndexes } from './file/orphaned-indexes.ts';
import { INCOMPLETE, OwnerIndex, sharesEntry } from './file/owner-index.ts';
import { type AddressInUse, holds, ReservationWriter } from './file/reservation-writer.ts';
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
    const path = withoutSlashes(dir);
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
    const path = this.#dir.file(LOCK_NAME);
    try {
      const fd = openLock(this.#sys, path, this.#dir.path);
      try {
        acquire(this.#sys, fd, path, this.#lockTimeoutMs);
        try {
          return body();
        } finally {
          this.#index.leave();
          this.#seal();
          this.#session = undefined;
        }
      } finally {
        this.#sys.close(fd);
      }
    } catch (error) {
      throw explained(error, this.#dir.path);
    }
  }

  reserve(address: string, claim: Claim, rangeSet: number): boolean {
    const { blocked } = this.#session ?? this.#open();
    if (blocked?.has(address) && this.#open(true).blocked?.has(address)) {
      return false;
    }
    const session = this.#begin();
    const isFree = this.#writer.write(address, claim, rangeSet, session.lasts[rangeSet]);
    if (isFree) {
      session.lasts[rangeSet] = address;
    }
    session.unfinished--;
    return isFree;
  }

  release(address: string, owner: Owner): boolean {
    const session = this.#begin();
    const holder = session.owners?.get(address) ?? this.#dir.owner(address);
    const isHeld = holds(holder, owner);
    if (isHeld) {
      this.#sys.unlink(this.#dir.file(address));
      session.owners?.delete(address);
      this.#index.forget(address, holder);
    }
    session.unfinished--;
    return isHeld;
  }

  find(owner: Owner, reserving = false): string[] {
    const session = this.#session ?? this.#open();
    const names = reserving ? this.#index.enter(owner) : this.#index.lookup(owner);
    const held = names.length === 0 ? names : this.#heldOf(names, owner, owner, session);
    if (!session.unnamed) {
      return held;
    }
    const key = { ...owner, ifName: '' };
    return [...held, ...this.#heldOf(this.#index.lookup(key), key, owner, session)];
  }

  /** Returns the addresses that an owner holds, of those in the index under `key`. */
  #heldOf(names: readonly string[], key: Owner, owner: Owner, session: Session): string[] {
    const held: string[] = [];
    for (const address of names) {
      const holder = this.#dir.owner(address);
      if (holds(holder, owner)) {
        session.owners ??= new Map();
        session.owners.set(address, holder);
        held.push(address);
      } else if (!holder || !sharesEntry(holder, key)) {
        // A process was killed between writing the entry and the reservation.
        this.#index.forget(address, key);
      }
    }
    return held;
  }

  last(rangeSet: number): string | undefined {
    const { lasts } = this.#session ?? this.#open();
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
    const session = this.#begin();
    const hasFreed = this.#reclaim();
    session.unfinished--;
    return hasFreed;
  }

  tidy(): void {
    const session = this.#begin();
    this.#reclaim();
    const { files } = this.#dir.scan();
    this.#index.rebuild(files, session.sealed);
    this.#index.sweep(files);
    session.unfinished--;
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
      sealed: fingerprint,
      unnamed: before?.unnamed ?? false,
      blocked: before?.blocked,
      looked: false,
      lasts: [last],
      changed: before?.changed ?? false,
      unfinished: before?.unfinished ?? 0,
      owners: before?.owners,
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
      if (session.blocked.size === 0) {
        session.blocked = undefined;
      }
      // Reservations without interface name have another key. While there are any, the index stays unsealed.
      session.unnamed = files.some(({ owner }) => owner.ifName === '');
      if (session.blocked || (incomplete && recorded === undefined && !session.looked)) {
        session.sealed = INCOMPLETE;
      } else if (session.unnamed) {
        session.sealed = undefined;
      }
      this.#index.rebuild(files, session.sealed);
    }
    this.#session = session;
    return session;
  }

  /** Begins a change. When it has succeeded, the caller counts it as finished. */
  #begin(): Session {
    const session = this.#session ?? this.#open();
    session.changed = true;
    session.unfinished++;
    return session;
  }

  #seal(): void {
    const session = this.#session;
    if (session === undefined || !session.changed || session.unfinished > 0) {
      return;
    }
    const { sealed } = session;
    if (sealed === undefined || sealed === INCOMPLETE) {
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
      throw explained(error, this.#dir.path);
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
