/** The nodes that are reached by the tunnel, as the entries of its link that they need. Pure. */
import type { TunnelPeer } from '../model.ts';

/** An entry to be, and the podCIDR on whose account. */
export interface PeerEntry {
  table: 'fdb' | 'neighbour';
  mac: string;
  address: string;
  dst: string;
}

/** What identifies an entry: of one MAC address there is one remote end, of one next hop one MAC address. */
export const entryKey = ({ table, mac, address }: Omit<PeerEntry, 'dst'>): string =>
  table === 'fdb' ? `fdb ${mac}` : `neighbour ${address}`;

/** The peers by podCIDR; a node with several of them has one forwarding entry. */
export class Peers {
  readonly #byDst = new Map<string, TunnelPeer>();
  readonly #byKey = new Map<string, PeerEntry[]>();

  /** Puts or takes away (`undefined`) the peer of a podCIDR; gives the keys of the entries that may differ now. */
  set(dst: string, peer: TunnelPeer | undefined): string[] {
    const before = this.#byDst.get(dst);
    if (before === undefined && peer === undefined) return [];
    const touched: string[] = [];
    for (const entry of before === undefined ? [] : entriesOf(dst, before)) {
      const key = entryKey(entry);
      const left = (this.#byKey.get(key) ?? []).filter((other) => other.dst !== dst);
      if (left.length === 0) this.#byKey.delete(key);
      else this.#byKey.set(key, left);
      touched.push(key);
    }
    if (peer === undefined) this.#byDst.delete(dst);
    else this.#byDst.set(dst, peer);
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

  /** podCIDRs that are reached by the tunnel. */
  dsts(): IterableIterator<string> {
    return this.#byDst.keys();
  }

  get size(): number {
    return this.#byDst.size;
  }
}

function entriesOf(dst: string, { mac, remote, gateway }: TunnelPeer): PeerEntry[] {
  return [
    { table: 'fdb', mac, address: remote, dst },
    { table: 'neighbour', mac, address: gateway, dst },
  ];
}
