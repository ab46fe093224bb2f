/** A copy of the entries of the tunnel's link: filled by a dump and kept by events. Pure. */

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

  /** Takes the place of what was there under its key. */
  put(neighbour: KernelNeighbour): void {
    this.#byKey.set(entryKey(neighbour), [neighbour]);
  }

  /** Forgets this entry. A next hop that goes is told without its MAC address. */
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
