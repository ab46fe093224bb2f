/** Copy of the kernel's main table by destination: filled by a dump, updated by events. Pure. */
import { type KernelRoute, RTN_UNREACHABLE } from '../core/model.ts';
import { ROUTE_PROTOCOL } from '../core/names.ts';

export const isOwn = (route: KernelRoute): boolean => route.protocol === ROUTE_PROTOCOL;

const leadsToNode = (route: KernelRoute): boolean => isOwn(route) && route.type !== RTN_UNREACHABLE;

/** Routes by destination; several if metrics or next hops differ. */
export class RouteTable {
  readonly #byDst = new Map<string, KernelRoute[]>();
  #owned = 0;

  constructor(routes: Iterable<KernelRoute> = []) {
    for (const route of routes) {
      const others = this.#byDst.get(route.dst);
      if (leadsToNode(route) && others?.some(leadsToNode) !== true) {
        this.#owned++;
      }
      if (others === undefined) {
        this.#byDst.set(route.dst, [route]);
      } else {
        others.push(route);
      }
    }
  }

  /** Number of destinations with routes of the agent to other nodes. */
  get owned(): number {
    return this.#owned;
  }

  /** Returns the routes to exactly this prefix, foreign ones too. */
  at(dst: string): readonly KernelRoute[] {
    return this.#byDst.get(dst) ?? [];
  }

  /** Destinations of the agent's own routes. */
  *own(): IterableIterator<string> {
    for (const [dst, routes] of this.#byDst) {
      if (routes.some(isOwn)) {
        yield dst;
      }
    }
  }

  /** Replaces our route with this destination and metric. */
  put(route: KernelRoute): void {
    const rest = this.at(route.dst).filter((other) => !isOwn(other) || other.priority !== route.priority);
    this.#set(route.dst, [...rest, route]);
  }

  /** Removes exactly this route; another next hop or metric is another route. */
  remove(route: KernelRoute): void {
    this.#set(
      route.dst,
      this.at(route.dst).filter((other) => !sameRoute(other, route)),
    );
  }

  #set(dst: string, routes: KernelRoute[]): void {
    this.#owned += Number(routes.some(leadsToNode)) - Number(this.at(dst).some(leadsToNode));
    if (routes.length === 0) {
      this.#byDst.delete(dst);
    } else {
      this.#byDst.set(dst, routes);
    }
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
