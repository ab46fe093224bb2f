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
import { ignoreErrno } from '@cnikit/sys';
import { IpamError } from './errors.ts';
import { Directory } from './file/directory.ts';
import { isAddressName, LOCK_NAME } from './file/format.ts';
import { withFlock } from './file/lock.ts';
import { makeDirs, OwnerIndex, sharesEntry } from './file/owner-index.ts';
import type { Claim, Owner, Store } from './store.ts';

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
}

/** State while the lock is held. */
interface Session {
  /** The fingerprint that the index is sealed for; `undefined` when it cannot be sealed. */
  sealed: string | undefined;
  /** The address last reserved in each range set, as far as read. */
  lasts: (string | undefined)[];
  /** True after a change. */
  changed: boolean;
  /** True after a change that failed halfway. */
  broken: boolean;
  /** Owners read so far. They cannot change under the lock. */
  owners: Map<string, Owner>;
}

function holds(holder: Owner | undefined, { containerID, ifName }: Owner): holder is Owner {
  return holder?.containerID === containerID && (holder.ifName === ifName || holder.ifName === '');
}

function isSysError(error: unknown): error is Error & { syscall: string; code: string; path?: string } {
  return error instanceof Error && 'syscall' in error && 'errno' in error;
}

class FileStore implements Store {
  readonly #sys: Sys;
  readonly #dir: Directory;
  readonly #index: OwnerIndex;
  readonly #lockTimeoutMs: number;
  #session: Session | undefined;

  constructor({ sys, dir, lockTimeoutMs = 30_000 }: FileStoreOptions) {
    const path = dir.replace(/\/+$/, '');
    const cut = path.lastIndexOf('/');
    this.#sys = sys;
    this.#dir = new Directory(sys, path);
    this.#index = new OwnerIndex(sys, `${cut < 0 ? '.' : path.slice(0, cut)}/.cnikit/${path.slice(cut + 1)}`);
    this.#lockTimeoutMs = lockTimeoutMs;
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
    return this.#change((session) => {
      const file = this.#dir.file(address);
      const isLive = () => this.#dir.size(address) > 0;
      let linking = false;
      try {
        const prepared = this.#index.prepare(address, claim, isLive);
        if (prepared === undefined) {
          return false;
        }
        const link = () => {
          this.#sys.link(prepared, file);
          return true;
        };
        linking = true;
        if (!ignoreErrno('EEXIST', link)) {
          if (isLive()) {
            this.#index.forget(address, claim);
            return false;
          }
          // An empty file is left by a power loss before the content reached the disk.
          this.#sys.unlink(file);
          link();
        }
        this.#dir.setLast(rangeSet, address, session.lasts[rangeSet]);
      } catch (error) {
        this.#withdraw(address, claim, linking);
        throw error;
      }
      session.lasts[rangeSet] = address;
      session.owners.set(address, claim);
      return true;
    });
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
    return [
      ...heldUnder(owner),
      ...(session.sealed === undefined ? heldUnder({ ...owner, ifName: '' }) : []),
    ];
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
  }

  orphans(): string[] {
    return this.#explain(() => this.#index.orphans(this.#dir.scan().files));
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
    if (!this.#index.isSealed(fingerprint)) {
      const { files } = this.#dir.scan();
      // Reservations without interface name have another key. While there are any, the index stays unsealed.
      if (files.some(({ owner }) => owner.ifName === '')) {
        sealed = undefined;
      }
      this.#index.rebuild(files, sealed);
    }
    this.#session = { sealed, lasts: [last], changed: false, broken: false, owners: new Map() };
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
    if (!session?.changed || session.broken || session.sealed === undefined) {
      return;
    }
    try {
      this.#index.reseal(session.sealed, this.#dir.fingerprint(session.lasts[0]));
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
