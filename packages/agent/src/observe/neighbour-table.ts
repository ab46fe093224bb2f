/** Copy of the tunnel links' entries: filled by a dump, updated by events. Pure. */

import { entryKey, type KernelNeighbour } from '../core/model.ts';

export class NeighbourTable {
  readonly #byKey = new Map<string, KernelNeighbour[]>();

  constructor(neighbours: Iterable<KernelNeighbour> = []) {
    for (const neighbour of neighbours) {
      const key = entryKey(neighbour);
      this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), neighbour]);
    }
  }

  at(key: string): readonly KernelNeighbour[] {
    return this.#byKey.get(key) ?? [];
  }

  keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  /** Replaces the entries with the same key. */
  put(neighbour: KernelNeighbour): void {
    this.#byKey.set(entryKey(neighbour), [neighbour]);
  }

  /** Removes an entry. The event of a removed next hop has no MAC address. */
  remove(neighbour: KernelNeighbour): void {
    const key = entryKey(neighbour);
    const rest = this.at(key).filter(({ address }) => address !== neighbour.address);
    if (rest.length === 0) {
      this.#byKey.delete(key);
    } else {
      this.#byKey.set(key, [...rest]);
    }
  }
}
