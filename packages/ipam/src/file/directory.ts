import { O_CREAT, O_TRUNC, O_WRONLY, type Sys } from '@cnikit/sys';
import { compareAddresses, parseAddress } from '../address.ts';
import type { Listing, Owner, Problem } from '../store.ts';
import { errnoOf } from './errno.ts';
import { decodeOwner, isAddressName, isOwnName, lastName } from './format.ts';
import { listDir } from './list-dir.ts';

/** A reservation file with a valid owner. */
export interface OwnedFile {
  path: string;
  address: string;
  owner: Owner;
}

/** Reads the directory of a network in host-local's format. */
export class Directory {
  readonly path: string;
  readonly #sys: Sys;

  constructor(sys: Sys, path: string) {
    this.#sys = sys;
    this.path = path;
  }

  /** Returns the path of the file with that name. */
  file(address: string): string {
    return `${this.path}/${address}`;
  }

  names(): string[] {
    return listDir(this.#sys, this.path);
  }

  /** Returns the owner of an address, or `undefined` when it has none or the file is invalid. */
  owner(address: string): Owner | undefined {
    const text = this.#read(address);
    return text === undefined ? undefined : decodeOwner(text);
  }

  /** Returns the size of the file of an address in bytes, or -1 when it does not exist. */
  size(address: string): number {
    return this.#sys.statIfExists(this.file(address))?.size ?? -1;
  }

  /** Returns true when the file of an address exists. An empty one is left by a power loss before the content reached the disk. */
  isReserved(address: string): boolean {
    return this.size(address) > 0;
  }

  /**
   * Returns the address last reserved in a range set, or `undefined` when there is none or the file is
   * invalid.
   */
  last(rangeSet: number): string | undefined {
    const text = this.#read(lastName(rangeSet)) ?? '';
    return isAddressName(text) ? text : undefined;
  }

  /** Records the address last reserved in a range set. `previous` is the result of `last()`, if known. */
  setLast(rangeSet: number, address: string, previous: string | undefined): void {
    // ext4 flushes a truncated file to disk at close, so truncate only to shorten.
    const fits = previous !== undefined && previous.length <= address.length;
    const flags = fits ? O_WRONLY : O_WRONLY | O_CREAT | O_TRUNC;
    this.#sys.writeText(this.file(lastName(rangeSet)), address, { flags, mode: 0o600 });
  }

  /**
   * Returns a fingerprint of the directory that changes with every ADD of another program. An ADD writes its
   * address to last_reserved_ip.0 and modifies the directory. The inode of the address's file distinguishes a
   * reservation from an earlier one of the same address; the hard link in the index prevents its reuse.
   */
  fingerprint(last: string | undefined): string {
    const held = last && this.#sys.statIfExists(this.file(last))?.ino;
    return `${last ?? '-'}:${held ?? '-'}:${this.#sys.stat(this.path).mtimeMs}`;
  }

  /** Reads every reservation. */
  scan(): { files: OwnedFile[]; problems: Problem[] } {
    const files: OwnedFile[] = [];
    const problems: Problem[] = [];
    for (const name of this.names()) {
      if (isOwnName(name)) {
        continue;
      }
      if (!isAddressName(name)) {
        problems.push({
          name,
          message: `${this.file(name)} is not a reservation. Delete the file if nothing needs it`,
        });
        continue;
      }
      const text = this.#read(name);
      const owner = decodeOwner(text ?? '');
      if (owner) {
        files.push({ path: this.file(name), address: name, owner });
      } else if (text === '') {
        problems.push({ name, message: `${this.file(name)} is empty; its address counts as free` });
      } else if (text !== undefined || this.size(name) >= 0) {
        problems.push({
          name,
          message: `${this.file(name)} has no owner; its address stays reserved. Delete the file if the address is unused`,
        });
      }
    }
    return { files, problems };
  }

  /** Reads every reservation with its time and pod, in the order of the addresses. */
  list(podOf: (owner: Owner) => string | undefined): Listing {
    const { files, problems } = this.scan();
    const reservations = files.map(({ path, address, owner }) => {
      const since = this.#sys.statIfExists(path)?.mtimeMs;
      const pod = podOf(owner);
      return {
        address,
        ...owner,
        since,
        pod,
      };
    });
    const order = new Map(reservations.map(({ address }) => [address, parseAddress(address)!]));
    reservations.sort((a, b) => compareAddresses(order.get(a.address)!, order.get(b.address)!));
    return { reservations, problems };
  }

  #read(name: string): string | undefined {
    try {
      return this.#sys.readText(this.file(name), 4096);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'EISDIR' || errno === 'EFBIG') {
        return undefined;
      }
      throw error;
    }
  }
}
