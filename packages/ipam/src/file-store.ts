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
import { IpamError } from './errors.ts';
import { Directory } from './file/directory.ts';
import { isAddressName, LOCK_NAME } from './file/format.ts';
import { withFlock } from './file/lock.ts';
import { orphanedIndexes, removeOrphanedIndexes } from './file/orphaned-indexes.ts';
import { INCOMPLETE, makeDirs, OwnerIndex, sharesEntry } from './file/owner-index.ts';
import { type AddressInUse, holds, isSysError, ReservationWriter } from './file/reservation-writer.ts';
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
   * Returns the addresses that running pods have. Called under the lock when reservations may be lost: the directory is
   * new or empty, and on each use until every address in use has a reservation. Those with an owner are reserved again;
   * the others are not allocated.
   *
   * @default nothing is looked for
   */
  inUse?: (() => readonly AddressInUse[]) | undefined;
}

/** State while the lock is held. */
interface Session {
  /** The fingerprint that the index is sealed for, or INCOMPLETE; `undefined` when it cannot be sealed. */
  sealed: string | undefined;
  /** True while there are reservations without interface name, which have another key. */
  unnamed: boolean;
  /** Addresses in use without reservation. */
  blocked: ReadonlySet<string>;
  /** The address last reserved in each range set, as far as read. */
  lasts: (string | undefined)[];
  /** True after a change. */
  changed: boolean;
  /** True after a change that failed halfway. */
  broken: boolean;
  /** Owners read so far. They cannot change under the lock. */
  owners: Map<string, Owner>;
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

  constructor({ sys, dir, lockTimeoutMs = 30_000, inUse }: FileStoreOptions) {
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
    if (this.#open().blocked.has(address)) {
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

  /** Completes the index, once per hold of the lock. */
  #open(): Session {
    if (this.#session) {
      return this.#session;
    }
    const last = this.#dir.last(0);
    const fingerprint = this.#dir.fingerprint(last);
    let sealed: string | undefined = fingerprint;
    let unnamed = false;
    let blocked: ReadonlySet<string> = new Set();
    let changed = false;
    const isNew = last === undefined && this.#inUse !== undefined;
    if (isNew || !this.#index.isSealed(fingerprint)) {
      const { files } = this.#dir.scan();
      let incomplete = this.#index.isSealed(INCOMPLETE);
      if (this.#inUse && (incomplete || isNew || files.length === 0 || !this.#index.exists())) {
        const count = files.length;
        blocked = this.#writer.recover(files, this.#inUse());
        changed = files.length > count;
        incomplete = blocked.size > 0;
      }
      // Reservations without interface name have another key. While there are any, the index stays unsealed.
      unnamed = files.some(({ owner }) => owner.ifName === '');
      if (incomplete) {
        sealed = INCOMPLETE;
      } else if (unnamed) {
        sealed = undefined;
      }
      this.#index.rebuild(files, sealed);
    }
    const owners = new Map<string, Owner>();
    this.#session = { sealed, unnamed, blocked, lasts: [last], changed, broken: false, owners };
    return this.#session;
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
