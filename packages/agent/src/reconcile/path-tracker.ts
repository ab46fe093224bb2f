/** Keeps the links and the least MTU of the ways to other nodes. */

import type { NodeRoute } from '../core/model.ts';
import type { PathMtus } from '../desired/mtu.ts';
import type { TunnelPeers } from '../desired/tunnel-peers.ts';

export class PathTracker {
  /** MTUs of direct routes' links by destination. */
  readonly #mtus = new Map<string, number>();
  readonly #wanted: ReadonlyMap<string, NodeRoute>;
  readonly #peers: TunnelPeers;
  #paths: PathMtus | undefined;

  /** `wanted` has the desired routes, and `peers` the nodes behind the tunnel. Call `changed` when they change. */
  constructor(wanted: ReadonlyMap<string, NodeRoute>, peers: TunnelPeers) {
    this.#wanted = wanted;
    this.#peers = peers;
  }

  /** Paths as last decided. */
  get paths(): PathMtus {
    this.#paths ??= {
      direct: leastOf(this.#mtus.values()),
      tunnels: this.#peers.underlays(),
      links: this.#links(),
    };
    return this.#paths;
  }

  /** Forgets all routes with `complete`, else only what depends on those that are about to change. */
  changed(complete: boolean): void {
    this.#paths = undefined;
    if (complete) {
      this.#mtus.clear();
    }
  }

  /** Records the MTU of a direct route's link; undefined: no direct route, or unknown. */
  set(dst: string, mtu: number | undefined): void {
    if (mtu === undefined) {
      this.#mtus.delete(dst);
    } else {
      this.#mtus.set(dst, mtu);
    }
  }

  /** Returns the links of routes and of outer packets. */
  #links(): string[] {
    const links = new Set<string>();
    for (const { dev } of this.#wanted.values()) {
      links.add(dev);
    }
    return [...links, ...this.#peers.outerLinks()].sort();
  }
}

function leastOf(mtus: Iterable<number>): number | undefined {
  let least: number | undefined;
  for (const mtu of mtus) {
    least = least === undefined || mtu < least ? mtu : least;
  }
  return least;
}
