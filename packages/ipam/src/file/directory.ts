import { O_CREAT, O_TRUNC, O_WRONLY, type Sys } from '@cnikit/sys';
import { compareAddresses, parseAddress } from '../address.ts';
import type { Listing, Owner, Problem } from '../store.ts';
import { decodeOwner, isAddressName, isOwnName, lastName } from './format.ts';
import { listDir, tolerate } from './quiet.ts';

/** A reservation's file that names an owner. */
export interface OwnedFile {
  path: string;
  address: string;
  owner: Owner;
}

/** A network's directory in the reference's format: what is read of it. */
export class Directory {
  readonly path: string;
  readonly #sys: Sys;

  constructor(sys: Sys, path: string) {
    this.#sys = sys;
    this.path = path;
  }

  /** The file of an address. */
  file(address: string): string {
    return `${this.path}/${address}`;
  }

  names(): string[] {
    return listDir(this.#sys, this.path);
  }

  /** Who holds an address; undefined when nobody does, or nobody can tell. */
  owner(address: string): Owner | undefined {
    const text = this.#read(address);
    return text === undefined ? undefined : decodeOwner(text);
  }

  /** Size of an address's file in bytes, -1 when there is none. */
  size(address: string): number {
    return this.#sys.statIfExists(this.file(address))?.size ?? -1;
  }

  /** The address reserved last in a range set; undefined when none was, or the file is garbage. */
  last(rangeSet: number): string | undefined {
    const text = this.#read(lastName(rangeSet)) ?? '';
    return isAddressName(text) ? text : undefined;
  }

  /** `previous` is what `last` gave, if it was asked. */
  setLast(rangeSet: number, address: string, previous: string | undefined): void {
    // Truncation costs: ext4 writes a truncated file to the disk when it is closed.
    const fits = previous !== undefined && previous.length <= address.length;
    const flags = fits ? O_WRONLY : O_WRONLY | O_CREAT | O_TRUNC;
    this.#sys.writeText(this.file(lastName(rangeSet)), address, { flags, mode: 0o600 });
  }

  /**
   * A text that is another one after any ADD of another program. Each of them leaves its address in
   * last_reserved_ip.0, which is told from an equal one by its file's inode; and it touches the
   * directory. Our index keeps that inode from being used again.
   */
  state(last: string | undefined): string {
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
          message: `${this.file(name)} is no reservation; remove it if nothing needs it`,
        });
        continue;
      }
      const text = this.#read(name);
      const owner = decodeOwner(text ?? '');
      if (owner) {
        files.push({ path: this.file(name), address: name, owner });
      } else if (text === '') {
        problems.push({ name, message: `${this.file(name)} is empty, its address counts as free` });
      } else if (text !== undefined || this.size(name) >= 0) {
        problems.push({
          name,
          message: `${this.file(name)} names no owner, its address counts as taken; remove it if nothing uses the address`,
        });
      }
    }
    return { files, problems };
  }

  /** Reads every reservation, with times, in the order of addresses; `podOf` knows the pods. */
  list(podOf: (owner: Owner) => string | undefined): Listing {
    const { files, problems } = this.scan();
    const reservations = files.map(({ path, address, owner }) => {
      const since = this.#sys.statIfExists(path)?.mtimeMs;
      const pod = podOf(owner);
      return {
        address,
        ...owner,
        ...(since === undefined ? undefined : { since }),
        ...(pod === undefined ? undefined : { pod }),
      };
    });
    const order = new Map(reservations.map(({ address }) => [address, parseAddress(address)!]));
    reservations.sort((a, b) => compareAddresses(order.get(a.address)!, order.get(b.address)!));
    return { reservations, problems };
  }

  #read(name: string): string | undefined {
    return tolerate(['ENOENT', 'EISDIR', 'EFBIG'], () => this.#sys.readText(this.file(name), 4096));
  }
}
