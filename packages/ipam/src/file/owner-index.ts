import { O_CREAT, O_EXCL, O_WRONLY, type Sys } from '@cnikit/sys';
import type { Claim, Owner } from '../store.ts';
import { encodeOwner } from './format.ts';
import { listDir, tolerate } from './quiet.ts';

/** Longer names are cut, since a file name has at most 255 bytes; ids and interface names are ASCII in practice. */
const LONGEST_KEY = 200;
const SEAL = '.seal:';
const POD = '.pod';

/** The directory name of an owner. Cut names may be shared: readers check who owns an address anyway. */
function keyOf({ containerID, ifName }: Owner): string {
  return `${containerID.slice(0, LONGEST_KEY)}:${ifName}`;
}

/** Whether the two share a directory. */
export function sharesEntry(a: Owner, b: Owner): boolean {
  return keyOf(a) === keyOf(b);
}

/**
 * Which addresses an owner holds, without reading every reservation: a directory for each owner,
 * holding a hard link of each of its reservations. A hint that may name too much (readers check), and
 * too little only when it bears no seal for the state the reservations are in.
 * See docs/decisions/0001-ipam-index.md.
 */
export class OwnerIndex {
  readonly #sys: Sys;
  readonly #dir: string;

  constructor(sys: Sys, dir: string) {
    this.#sys = sys;
    this.#dir = dir;
  }

  /** Whether the index knows all reservations of a state. */
  isSealed(state: string): boolean {
    return this.#sys.statIfExists(this.#seal(state)) !== undefined;
  }

  /** Moves the seal to a new state. */
  reseal(from: string, to: string): void {
    if (from !== to) {
      this.#sys.rename(this.#seal(from), this.#seal(to));
    }
  }

  /** Addresses that an owner may hold. A directory without any, which a kill left, goes. */
  lookup(owner: Owner): string[] {
    const dir = `${this.#dir}/${keyOf(owner)}`;
    // A new owner has none.
    if (this.#sys.statIfExists(dir) === undefined) {
      return [];
    }
    const addresses = listDir(this.#sys, dir).filter((name) => name !== POD);
    if (addresses.length === 0) {
      this.#clear(dir);
    }
    return addresses;
  }

  /** Writes what is to become the reservation of an address and gives its path, to be linked; undefined when `live` says the address has this very file already. */
  prepare(address: string, claim: Claim, live: () => boolean): string | undefined {
    const sys = this.#sys;
    const dir = `${this.#dir}/${keyOf(claim)}`;
    tolerate(['EEXIST'], () => sys.mkdir(dir, 0o700));
    if (claim.pod) {
      sys.writeText(`${dir}/${POD}`, claim.pod, { mode: 0o600 });
    }
    const path = `${dir}/${address}`;
    // Never O_TRUNC: what lies there may be a hard link of a live reservation.
    const write = () =>
      sys.writeText(path, encodeOwner(claim), { flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600 });
    const isNew = tolerate(['EEXIST'], () => {
      write();
      return true;
    });
    if (!isNew) {
      if (live()) {
        return undefined;
      }
      sys.unlink(path);
      write();
    }
    return path;
  }

  /** Forgets an address of an owner. */
  forget(address: string, owner: Owner): void {
    const dir = `${this.#dir}/${keyOf(owner)}`;
    tolerate(['ENOENT'], () => this.#sys.unlink(`${dir}/${address}`));
    if (tolerate(['ENOENT', 'ENOTEMPTY', 'EEXIST'], () => this.#removeDir(dir)) !== undefined) {
      return;
    }
    this.lookup(owner);
  }

  /** 'namespace/name' of the pod of an owner, if it was told. */
  pod(owner: Owner): string | undefined {
    const dir = `${this.#dir}/${keyOf(owner)}`;
    // Few have one, and to list is cheaper than to fail.
    if (!listDir(this.#sys, dir).includes(POD)) {
      return undefined;
    }
    return tolerate(['ENOENT'], () => this.#sys.readText(`${dir}/${POD}`)) || undefined;
  }

  /** Makes the index anew from all reservations, given as path of the file, address and owner, and seals it for `state`, if given. */
  rebuild(
    reservations: readonly { path: string; address: string; owner: Owner }[],
    state: string | undefined,
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
      tolerate(['EEXIST', 'ENOENT'], () => sys.link(path, `${this.#dir}/${key}/${address}`));
    }
    for (const name of known) {
      if (name.startsWith(SEAL)) {
        sys.unlink(`${this.#dir}/${name}`);
      } else if (!live.has(name)) {
        this.#clear(`${this.#dir}/${name}`);
      }
    }
    if (state !== undefined) {
      sys.writeText(this.#seal(state), '', { mode: 0o600 });
    }
  }

  #seal(state: string): string {
    return `${this.#dir}/${SEAL}${state}`;
  }

  #removeDir(dir: string): true {
    this.#sys.rmdir(dir);
    return true;
  }

  #clear(dir: string): void {
    for (const name of listDir(this.#sys, dir)) {
      tolerate(['ENOENT'], () => this.#sys.unlink(`${dir}/${name}`));
    }
    tolerate(['ENOENT', 'ENOTEMPTY', 'EEXIST'], () => this.#sys.rmdir(dir));
  }
}

/** mkdir -p. */
export function makeDirs(sys: Sys, path: string): void {
  const made = tolerate(['EEXIST', 'ENOENT'], () => {
    sys.mkdir(path, 0o755);
    return true;
  });
  const parent = path.slice(0, path.lastIndexOf('/'));
  if (made || parent === '' || sys.statIfExists(path)) {
    return;
  }
  makeDirs(sys, parent);
  tolerate(['EEXIST'], () => sys.mkdir(path, 0o755));
}
