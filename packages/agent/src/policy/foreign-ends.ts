import { familyOf } from '@cnikit/ip';
import { LINK_MAP, podMap } from './names.ts';

/** Host ends of pods that may send from other source addresses. Such packets are judged as those of the pod. */
export class ForeignEnds {
  readonly #byContainer = new Map<string, { ends: readonly string[]; own: readonly string[] }>();
  #changed = false;

  /** The addresses of each pod by host end. */
  get addresses(): ReadonlyMap<string, readonly string[]> {
    return new Map(
      [...this.#byContainer.values()].flatMap(({ ends, own }) => ends.map((link) => [link, own] as const)),
    );
  }

  /**
   * @param own addresses of the pod
   * @param ends its host ends, if its namespace may send from other source addresses
   */
  claim(containerId: string, own: readonly string[], ends: readonly string[] = []): void {
    if (ends.length > 0) {
      this.#byContainer.set(containerId, { ends, own });
      this.#changed = true;
    }
  }

  release(containerId: string): void {
    this.#changed = this.#byContainer.delete(containerId) || this.#changed;
  }

  /** Returns whether anything has changed since the last call. */
  takeChange(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }
}

/** An element of a map from pods to chains; undefined: to remove. */
interface Move {
  map: string;
  address: string;
  chain: string | undefined;
}

/** Returns the elements that lead each host end to the chain of its pod's addresses. */
export function foreignEndMoves(
  now: { pods(map: string): ReadonlyMap<string, string> },
  ends: ReadonlyMap<string, readonly string[]> = new Map(),
): Move[] {
  const gone = [...now.pods(LINK_MAP).keys()].filter((link) => !ends.has(link));
  const chainOf = (address: string) => now.pods(podMap('egress', familyOf(address))).get(address);
  return [
    ...gone.map((address) => ({ map: LINK_MAP, address, chain: undefined })),
    ...[...ends].map(([address, own]) => ({
      map: LINK_MAP,
      address,
      chain: own.map(chainOf).find((chain) => chain !== undefined),
    })),
  ];
}
