import { ignoreErrno, O_CREAT, O_EXCL, O_WRONLY, type Sys } from '@cnikit/sys';
import type { Claim, Owner } from '../store.ts';
import type { Directory } from './directory.ts';
import { errnoOf, isSysError } from './errno.ts';
import { encodeOwner } from './format.ts';
import { listDir } from './list-dir.ts';
import { makeDirs } from './make-dirs.ts';

/** Longer container IDs are cut, because a file name has at most 255 bytes. */
const MAX_KEY_LENGTH = 200;
const SEAL = '.seal:';
const POD = '.pod';
/** Never O_TRUNC: an existing file may be a hard link to a live reservation. */
const NEW_FILE = { flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600 };
/** In place of a fingerprint: addresses are in use without a reservation, so that the index is not sealed. */
export const INCOMPLETE = 'incomplete';

/**
 * Returns the directory name of an owner. Owners may share a cut name: readers verify the owner of each
 * address.
 */
function keyOf({ containerID, ifName }: Owner): string {
  const name = containerID.length > MAX_KEY_LENGTH ? containerID.slice(0, MAX_KEY_LENGTH) : containerID;
  return `${name}:${ifName}`;
}

/** Returns true when two owners share a directory. */
export function sharesEntry(a: Owner, b: Owner): boolean {
  return keyOf(a) === keyOf(b);
}

/** A reservation in the index. */
interface IndexedReservation {
  address: string;
  owner: Owner;
}

/**
 * Index of the addresses of each owner: one directory per owner, with a hard link to each of its
 * reservations. An entry may be stale, so readers verify it. An entry may be missing only while the index is
 * not sealed for the present fingerprint of the reservations. See docs/decisions/0001-ipam-index.md.
 */
export class OwnerIndex {
  readonly #sys: Sys;
  readonly #dir: string;
  /** The directory that `enter()` or `prepare()` has made. */
  #entered: string | undefined;
  #isUnused = false;

  constructor(sys: Sys, dir: string) {
    this.#sys = sys;
    this.#dir = dir;
  }

  /** Returns true when the index is complete for that fingerprint. */
  isSealed(fingerprint: string): boolean {
    return this.#sys.statIfExists(this.#seal(fingerprint)) !== undefined;
  }

  exists(): boolean {
    return this.#sys.statIfExists(this.#dir) !== undefined;
  }

  /** Records that addresses may be in use without a reservation, until `rebuild()` with a fingerprint. */
  markIncomplete(): void {
    makeDirs(this.#sys, this.#dir);
    this.#sys.writeText(this.#seal(INCOMPLETE), '', { mode: 0o600 });
  }

  /** Records the addresses in use without a reservation, at least one, after `markIncomplete()`. */
  setUnreserved(addresses: ReadonlySet<string>): void {
    // Readers take a list as complete: it appears as a whole.
    const prepared = this.#seal('prepared');
    this.#sys.writeText(prepared, [...addresses].join('\n'), { mode: 0o600 });
    this.#sys.rename(prepared, this.#seal(INCOMPLETE));
  }

  /** Returns the recorded addresses, or `undefined` when a process was killed before it recorded them. */
  unreserved(): string[] | undefined {
    const text = this.#sys.readText(this.#seal(INCOMPLETE));
    return text === '' ? undefined : text.split('\n');
  }

  /** Moves the seal to a new fingerprint. */
  reseal(from: string, to: string): void {
    if (from !== to) {
      this.#sys.rename(this.#seal(from), this.#seal(to));
    }
  }

  /**
   * Returns the addresses that an owner may hold. Removes an empty directory, which a killed process leaves.
   */
  lookup(owner: Owner): string[] {
    const dir = `${this.#dir}/${keyOf(owner)}`;
    const names = ignoreErrno(['ENOENT', 'ENOTDIR'], () => this.#sys.readdir(dir));
    if (names === undefined) {
      return [];
    }
    const addresses = names.filter((name) => name !== POD);
    if (addresses.length === 0) {
      this.#clear(dir);
    }
    return addresses;
  }

  /**
   * Makes the directory of an owner for `prepare()`. Returns the addresses that the owner may hold, as `lookup()` does when the
   * directory exists.
   */
  enter(owner: Owner): string[] {
    const dir = `${this.#dir}/${keyOf(owner)}`;
    if (!this.#made(dir)) {
      return this.lookup(owner);
    }
    this.#isUnused = true;
    return [];
  }

  /** Makes the directory of an owner. Returns false when it exists. */
  #made(dir: string): boolean {
    try {
      this.#sys.mkdir(dir, 0o700);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') {
        throw error;
      }
      return false;
    }
    this.#entered = dir;
    return true;
  }

  /** Removes a directory that `enter()` has made in vain. Call it before the lock is released. */
  leave(): void {
    const dir = this.#entered;
    this.#entered = undefined;
    if (this.#isUnused && dir !== undefined) {
      this.#isUnused = false;
      try {
        this.#sys.rmdir(dir);
      } catch (error) {
        // The next lookup removes it.
        if (!isSysError(error)) {
          throw error;
        }
      }
    }
  }

  /**
   * Writes the file of a reservation and returns its path for link(2), or `undefined` when the address has this file already.
   */
  prepare(address: string, claim: Claim, reservations: Directory): string | undefined {
    const sys = this.#sys;
    const dir = `${this.#dir}/${keyOf(claim)}`;
    if (dir !== this.#entered) {
      this.#made(dir);
    }
    this.#isUnused = false;
    if (claim.pod) {
      sys.writeText(`${dir}/${POD}`, claim.pod, { mode: 0o600 });
    }
    const path = `${dir}/${address}`;
    const text = encodeOwner(claim);
    try {
      sys.writeText(path, text, NEW_FILE);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') {
        throw error;
      }
      if (reservations.isReserved(address)) {
        return undefined;
      }
      sys.unlink(path);
      sys.writeText(path, text, NEW_FILE);
    }
    return path;
  }

  /** Removes an address of an owner. */
  forget(address: string, owner: Owner): void {
    this.#entered = undefined;
    const dir = `${this.#dir}/${keyOf(owner)}`;
    try {
      this.#sys.unlink(`${dir}/${address}`);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') {
        throw error;
      }
    }
    try {
      this.#sys.rmdir(dir);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== 'ENOENT' && errno !== 'ENOTEMPTY' && errno !== 'EEXIST') {
        throw error;
      }
      this.lookup(owner);
    }
  }

  /** Returns 'namespace/name' of the pod of an owner, if known. */
  pod(owner: Owner): string | undefined {
    const dir = `${this.#dir}/${keyOf(owner)}`;
    // Few owners have one, and listing is cheaper than a failed read.
    if (!listDir(this.#sys, dir).includes(POD)) {
      return undefined;
    }
    return ignoreErrno('ENOENT', () => this.#sys.readText(`${dir}/${POD}`)) || undefined;
  }

  /** Rebuilds the index from all reservations and seals it for `fingerprint`, if given. */
  rebuild(
    reservations: readonly (IndexedReservation & { path: string })[],
    fingerprint: string | undefined,
  ): void {
    const sys = this.#sys;
    makeDirs(sys, this.#dir);
    const known = new Set(listDir(sys, this.#dir));
    const live = new Set<string>();
    for (const { path, address, owner } of reservations) {
      const key = keyOf(owner);
      if (!known.has(key) && !live.has(key)) {
        sys.mkdir(`${this.#dir}/${key}`, 0o700);
      }
      live.add(key);
      ignoreErrno(['EEXIST', 'ENOENT'], () => sys.link(path, `${this.#dir}/${key}/${address}`));
    }
    const seal = fingerprint === undefined ? undefined : SEAL + fingerprint;
    if (seal !== undefined && !known.has(seal)) {
      sys.writeText(`${this.#dir}/${seal}`, '', { mode: 0o600 });
    }
    for (const name of known) {
      if (name.startsWith(SEAL)) {
        if (name !== seal) {
          sys.unlink(`${this.#dir}/${name}`);
        }
      } else if (!live.has(name)) {
        this.#clear(`${this.#dir}/${name}`);
      }
    }
  }

  /** Returns the entries without a reservation: `c1:eth0/10.1.2.5`, or `c1:eth0` for an owner without any. */
  orphans(reservations: readonly IndexedReservation[]): string[] {
    const live = new Map<string, Set<string>>();
    for (const { address, owner } of reservations) {
      const key = keyOf(owner);
      live.set(key, (live.get(key) ?? new Set()).add(address));
    }
    return listDir(this.#sys, this.#dir)
      .filter((name) => !name.startsWith(SEAL))
      .flatMap((name) => {
        const addresses = live.get(name);
        return addresses === undefined
          ? [name]
          : listDir(this.#sys, `${this.#dir}/${name}`)
              .filter((entry) => entry !== POD && !addresses.has(entry))
              .map((entry) => `${name}/${entry}`);
      });
  }

  /** Removes the entries that `orphans()` returns from owners with reservations; `rebuild()` removes the others. */
  sweep(reservations: readonly IndexedReservation[]): void {
    for (const name of this.orphans(reservations)) {
      ignoreErrno(['ENOENT', 'EISDIR', 'EPERM'], () => this.#sys.unlink(`${this.#dir}/${name}`));
    }
  }

  #seal(fingerprint: string): string {
    return `${this.#dir}/${SEAL}${fingerprint}`;
  }

  #clear(dir: string): void {
    if (dir === this.#entered) {
      this.#entered = undefined;
    }
    for (const name of listDir(this.#sys, dir)) {
      ignoreErrno('ENOENT', () => this.#sys.unlink(`${dir}/${name}`));
    }
    ignoreErrno(['ENOENT', 'ENOTEMPTY', 'EEXIST'], () => this.#sys.rmdir(dir));
  }
}
