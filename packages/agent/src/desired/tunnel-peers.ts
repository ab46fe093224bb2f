/** Nodes behind the tunnel, as the FDB and neighbour entries that they need. Pure. */

import type { Family } from '@cnikit/ip';
import { entryKey, type KernelNeighbour, type TunnelPeer } from '../core/model.ts';

/** A desired FDB or neighbour entry, its link, and the podCIDR that needs it. */
export interface PeerEntry extends KernelNeighbour {
  dev: string;
  dst: string;
}

/** Peers by podCIDR. A node with several podCIDRs has one FDB entry. */
export class TunnelPeers {
  readonly #byDst = new Map<string, TunnelPeer>();
  readonly #byKey = new Map<string, PeerEntry[]>();

  /** Sets or removes (`undefined`) the peer of a podCIDR. Returns the keys of entries that may differ now. */
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

  /** Returns the desired entry. */
  at(key: string): PeerEntry | undefined {
    return this.#byKey.get(key)?.[0];
  }

  keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  /** podCIDRs behind the tunnel. */
  dsts(): IterableIterator<string> {
    return this.#byDst.keys();
  }

  /** Returns the names of the links that outer packets leave by. */
  outerLinks(): string[] {
    return [...new Set([...this.#byDst.values()].flatMap(({ outer }) => outer ?? []))];
  }

  /** Returns the families of outer packets in use, with the least MTU of the routes to the far ends. */
  underlays(): Map<Family, number | undefined> {
    const mtus = new Map<Family, number | undefined>();
    for (const { underlay, mtu } of this.#byDst.values()) {
      const least = mtus.get(underlay);
      mtus.set(underlay, least !== undefined && (mtu === undefined || mtu > least) ? least : mtu);
    }
    return mtus;
  }
}

function entriesOf(dst: string, { dev, index, mac, remote, gateway }: TunnelPeer): PeerEntry[] {
  return [
    { table: 'fdb', index, dev, mac, address: remote, dst },
    { table: 'neighbour', index, dev, mac, address: gateway, dst },
  ];
}
