/** A copy of the kernel's main table, by destination: filled by a dump and kept by events. Pure. */
import { type KernelRoute, ROUTE_PROTOCOL } from '../model.ts';

export const isOwn = (route: KernelRoute): boolean => route.protocol === ROUTE_PROTOCOL;

/** The routes by destination; several where metrics or next hops differ. */
export class RouteTable {
  readonly #byDst = new Map<string, KernelRoute[]>();

  constructor(routes: Iterable<KernelRoute> = []) {
    for (const route of routes) this.#at(route.dst).push(route);
  }

  /** The routes to exactly this prefix, whoever made them. */
  at(dst: string): readonly KernelRoute[] {
    return this.#byDst.get(dst) ?? [];
  }

  /** Destinations of the agent's own routes. */
  *own(): IterableIterator<string> {
    for (const [dst, routes] of this.#byDst) if (routes.some(isOwn)) yield dst;
  }

  /** Puts an own route in the place of the own route of that destination and metric. */
  put(route: KernelRoute): void {
    const rest = this.at(route.dst).filter((other) => !isOwn(other) || other.priority !== route.priority);
    this.#byDst.set(route.dst, [...rest, route]);
  }

  /** Forgets exactly this route; another next hop or metric is another route. */
  remove(route: KernelRoute): void {
    const rest = this.at(route.dst).filter((other) => !sameRoute(other, route));
    if (rest.length === 0) this.#byDst.delete(route.dst);
    else this.#byDst.set(route.dst, rest);
  }

  #at(dst: string): KernelRoute[] {
    let routes = this.#byDst.get(dst);
    if (routes === undefined) {
      routes = [];
      this.#byDst.set(dst, routes);
    }
    return routes;
  }
}

function sameRoute(a: KernelRoute, b: KernelRoute): boolean {
  return (
    a.dst === b.dst &&
    a.via === b.via &&
    a.oif === b.oif &&
    a.protocol === b.protocol &&
    a.priority === b.priority &&
    a.type === b.type
  );
}
