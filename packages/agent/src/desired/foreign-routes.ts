/** Foreign routes, prepared for look-ups: a node that learns routes by BGP has tens of thousands. */
import {
  type AddressBytes,
  compareAddresses,
  contains,
  formatAddress,
  network,
  type Prefix,
  parseNetwork,
} from '@cnikit/ip';
import type { Hop } from '../core/model.ts';

/** A foreign route with its parsed destination. */
export interface ForeignRoute extends Hop {
  prefix: Prefix;
  /** 0 without a link. */
  oif: number;
  dev: string;
}

/** Caches the routes of each table: every event of a node asks for them. */
const prepared = new WeakMap<readonly Hop[], ForeignRoutes>();

/** @param hops longest prefix first; must not change */
export function foreignRoutes(hops: readonly Hop[]): ForeignRoutes {
  const routes = prepared.get(hops) ?? new ForeignRoutes(hops);
  prepared.set(hops, routes);
  return routes;
}

export class ForeignRoutes {
  /** Ordered by address, then as given. */
  readonly #sorted: readonly ForeignRoute[];
  /** The first route to each network, by the text of its address; lengths descend. */
  readonly #byLength: ReadonlyMap<number, ReadonlyMap<string, ForeignRoute>>;

  constructor(hops: readonly Hop[]) {
    const routes = hops.flatMap((hop) => {
      const prefix = parseNetwork(hop.dst);
      const { oif = 0, dev = `#${oif}` } = hop;
      return prefix === undefined ? [] : [{ ...hop, prefix, oif, dev }];
    });
    this.#sorted = routes.toSorted((a, b) => compareAddresses(a.prefix.address, b.prefix.address));
    const byLength = new Map<number, Map<string, ForeignRoute>>();
    for (const route of routes) {
      const { address, length } = route.prefix;
      const networks = byLength.get(length) ?? new Map<string, ForeignRoute>();
      byLength.set(length, networks);
      const text = formatAddress(address);
      networks.set(text, networks.get(text) ?? route);
    }
    this.#byLength = byLength;
  }

  /** Returns the route of an address by longest prefix, as the kernel does. */
  to(address: AddressBytes): ForeignRoute | undefined {
    for (const [length, networks] of this.#byLength) {
      if (length <= address.length * 8) {
        const route = networks.get(formatAddress(network(address, length).address));
        if (route !== undefined) {
          return route;
        }
      }
    }
    return undefined;
  }

  /** Returns the most specific route inside of `prefix`. */
  inside(prefix: Prefix): ForeignRoute | undefined {
    let found: ForeignRoute | undefined;
    for (let at = this.#firstFrom(prefix.address); at < this.#sorted.length; at++) {
      const route = this.#sorted[at]!;
      if (!contains(prefix, route.prefix.address)) {
        break;
      }
      if (route.prefix.length > (found?.prefix ?? prefix).length) {
        found = route;
      }
    }
    return found;
  }

  /** Returns the index of the first route whose address is not less than `address`. */
  #firstFrom(address: AddressBytes): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareAddresses(this.#sorted[middle]!.prefix.address, address) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
