/** The nodes that are reached by a tunnel, as the entries of its link that they need. Pure. */

import type { Family } from '@cnikit/ip';
import { entryKey, type KernelNeighbour, type TunnelPeer } from '../core/model.ts';

/** An entry to be, the name of its link, and the podCIDR on whose account. */
export interface PeerEntry extends KernelNeighbour {
  dev: string;
  dst: string;
}

/** The peers by podCIDR; a node with several of them has one forwarding entry. */
export class TunnelPeers {
  readonly #byDst = new Map<string, TunnelPeer>();
  readonly #byKey = new Map<string, PeerEntry[]>();

  /** Puts or takes away (`undefined`) the peer of a podCIDR; gives the keys of the entries that may differ now. */
  set(dst: string, peer: TunnelPeer | undefined): string[] {
    const before = this.#byDst.get(dst);
    if (before === undefined && peer === undefined) {
      return [];
    }
    const touched: string[] = [];
    for (const entry of before === undefined ? [] : entriesOf(dst, before)) {
      const key = entryKey(entry);
      const left = (this.#byKey.get(key) ?? []).filter((other) => other.dst !== dst);
      if (left.length === 0) {
        this.#byKey.delete(key);
      } else {
        this.#byKey.set(key, left);
      }
      touched.push(key);
    }
    if (peer === undefined) {
      this.#byDst.delete(dst);
    } else {
      this.#byDst.set(dst, peer);
    }
    for (const entry of peer === undefined ? [] : entriesOf(dst, peer)) {
      const key = entryKey(entry);
      this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), entry]);
      touched.push(key);
    }
    return touched;
  }

  /** The entry that should be there. */
  at(key: string): PeerEntry | undefined {
    return this.#byKey.get(key)?.[0];
  }

  keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  /** podCIDRs that are reached by a tunnel. */
  dsts(): IterableIterator<string> {
    return this.#byDst.keys();
  }

  /** The families of outer packets that some peer is reached by. */
  underlays(): Set<Family> {
    return new Set([...this.#byDst.values()].map(({ underlay }) => underlay));
  }
}

function entriesOf(dst: string, { dev, index, mac, remote, gateway }: TunnelPeer): PeerEntry[] {
  return [
    { table: 'fdb', index, dev, mac, address: remote, dst },
    { table: 'neighbour', index, dev, mac, address: gateway, dst },
  ];
}
