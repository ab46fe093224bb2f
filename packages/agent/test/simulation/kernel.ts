/**
 * A model of what the agent uses of the kernel: links, addresses and the main table, with the errors and events that
 * Linux has for them. `kernel.live.test.ts` does the same random operations to it and to the real one.
 */
import type { Kernel, KernelEvent, WriteFailure } from '../../src/apply/kernel.ts';
import { asKernelRoute, defaultMetric, type RouteAction } from '../../src/diff.ts';
import {
  type KernelAddress,
  type KernelLink,
  type KernelRoute,
  type KernelState,
  ROUTE_PROTOCOL,
} from '../../src/model.ts';
import { contains, formatPrefix, parseAddress, parsePrefix } from '../../src/prefix.ts';
import type { After } from '../../src/timers.ts';

/** RTPROT_KERNEL: connected routes. */
const PROTOCOL_KERNEL = 2;
/** IP6_RT_PRIO_ADDRCONF. */
const CONNECTED_METRIC = { ipv4: 0, ipv6: 256 } as const;

type Listener = (event: KernelEvent) => void;

export class SimulatedKernel {
  readonly links: KernelLink[] = [{ index: 1, name: 'lo', mtu: 65_536, up: true }];
  readonly addresses: KernelAddress[] = [];
  /** By destination; the routes of one in the order in which the kernel prefers them. */
  readonly #routes = new Map<string, KernelRoute[]>();
  readonly #listeners = new Set<Listener>();
  /** Who is not told, because it is its own doing. */
  #writer: Listener | undefined;
  /** Foreign routes that the agent has removed or replaced: must stay empty. */
  readonly harmed: string[] = [];
  /** Destinations that had an own route put or taken by the agent, in order. */
  written: string[] = [];
  /** Next hops that are refused, with the errno. */
  readonly refusing = new Map<string, string>();
  /** Why nothing can be read or written now. */
  broken: string | undefined;

  /** What the agent holds: the kernel of one process. */
  open(after: After, latencyMs: () => number, dies: DeathInWrite): Kernel & { overflow(): void } {
    const inbox = new Inbox(after, latencyMs);
    const listener: Listener = (event) => inbox.push(event);
    this.#listeners.add(listener);
    return {
      dump: () => {
        this.#working();
        return this.state();
      },
      write: (actions) => {
        this.#working();
        this.#writer = listener;
        try {
          return actions.flatMap((action) => {
            dies.beforeAction();
            if (action.kind !== 'route')
              throw new Error('The model has no tunnels: simulate with encap never');
            return this.#act(action);
          });
        } finally {
          this.#writer = undefined;
        }
      },
      events: (signal) => {
        signal.addEventListener('abort', () => inbox.close());
        return inbox;
      },
      close: () => void this.#listeners.delete(listener),
      overflow: () => inbox.overflow(),
    };
  }

  state(): KernelState {
    return {
      links: this.links.map((link) => ({ ...link })),
      addresses: [...this.addresses],
      routes: [...this.#routes.values()].flat(),
    };
  }

  at(dst: string): readonly KernelRoute[] {
    return this.#routes.get(dst) ?? [];
  }

  *own(): IterableIterator<KernelRoute> {
    for (const routes of this.#routes.values())
      for (const route of routes) if (route.protocol === ROUTE_PROTOCOL) yield route;
  }

  link(name: string): KernelLink | undefined {
    return this.links.find((link) => link.name === name);
  }

  /** `ip link add NAME`, down and without addresses. */
  addLink(name: string, mtu = 1500): KernelLink {
    const link = { index: Math.max(...this.links.map(({ index }) => index)) + 1, name, mtu, up: false };
    this.links.push(link);
    this.#tell({ type: 'link', index: link.index });
    return link;
  }

  setMtu(link: KernelLink, mtu: number): void {
    if (link.mtu === mtu) return;
    link.mtu = mtu;
    this.#tell({ type: 'link', index: link.index });
  }

  /** Down takes all routes of the link, and its IPv6 addresses; up brings back the networks of those it has. */
  setUp(link: KernelLink, up: boolean): void {
    if (link.up === up) return;
    link.up = up;
    this.#tell({ type: 'link', index: link.index });
    if (up) {
      for (const { index, address } of this.addresses) if (index === link.index) this.#connect(link, address);
      return;
    }
    // IPv4 goes without a word (fib_flush), IPv6 with one each (addrconf_ifdown, rt6_ifdown).
    this.#dropRoutes(({ oif, family }) => oif === link.index && family === 'ipv4', false);
    for (const gone of this.addresses.filter(
      ({ index, address }) => index === link.index && address.includes(':'),
    )) {
      this.addresses.splice(this.addresses.indexOf(gone), 1);
      this.#tell({ type: 'address', ...gone });
    }
    this.#dropRoutes(({ oif, family }) => oif === link.index && family === 'ipv6', true);
  }

  /** `ip address add`. */
  addAddress(link: KernelLink, address: string): void {
    if (this.addresses.some((have) => have.index === link.index && have.address === address)) return;
    this.addresses.push({ index: link.index, address });
    this.#tell({ type: 'address', index: link.index, address });
    if (link.up) this.#connect(link, address);
  }

  /** `ip address del`. With the last IPv4 address of a link go all its IPv4 routes. */
  deleteAddress(link: KernelLink, address: string): void {
    const at = this.addresses.findIndex((have) => have.index === link.index && have.address === address);
    if (at < 0) return;
    this.addresses.splice(at, 1);
    const six = address.includes(':');
    const left = this.addresses.filter(
      (have) => have.index === link.index && have.address.includes(':') === six,
    );
    const network = networkOf(address);
    if (!left.some((have) => networkOf(have.address) === network))
      this.#dropRoutes(
        ({ dst, oif, protocol }) => dst === network && oif === link.index && protocol === PROTOCOL_KERNEL,
        true,
      );
    this.#tell({ type: 'address', index: link.index, address });
    if (!six && left.length === 0)
      this.#dropRoutes(({ oif, family }) => oif === link.index && family === 'ipv4', false);
  }

  /** RTM_NEWROUTE, exclusive or as `ip route replace`; gives the errno, or nothing when done. `agent` is who asks. */
  putRoute(route: KernelRoute, mode: 'create' | 'replace', agent = false): string | undefined {
    const refused = this.#unreachable(route);
    if (refused !== undefined) return refused;
    const routes = this.#routes.get(route.dst) ?? [];
    const at = routes.findIndex(({ priority }) => priority === route.priority);
    if (at >= 0 && mode === 'create') return 'EEXIST';
    if (at >= 0) {
      const [old] = routes.splice(at, 1, route);
      if (agent && old!.protocol !== ROUTE_PROTOCOL) this.harmed.push(`replaced ${show(old!)}`);
    } else {
      const behind = routes.findIndex(({ priority }) => priority > route.priority);
      routes.splice(behind < 0 ? routes.length : behind, 0, route);
    }
    this.#routes.set(route.dst, routes);
    this.#tell({ type: 'route', op: 'new', route });
    return undefined;
  }

  /** RTM_DELROUTE of the first route that has all this; metric 0 is any for IPv4. */
  deleteRoute(wanted: Partial<KernelRoute> & { dst: string }, agent = false): string | undefined {
    const routes = this.#routes.get(wanted.dst) ?? [];
    const at = routes.findIndex(
      (have) =>
        (wanted.via === undefined || have.via === wanted.via) &&
        (wanted.oif === undefined || have.oif === wanted.oif) &&
        (wanted.protocol === undefined || have.protocol === wanted.protocol) &&
        (!wanted.priority || have.priority === wanted.priority),
    );
    if (at < 0) return 'ESRCH';
    const [route] = routes.splice(at, 1);
    if (routes.length === 0) this.#routes.delete(wanted.dst);
    if (agent && route!.protocol !== ROUTE_PROTOCOL) this.harmed.push(`removed ${show(route!)}`);
    this.#tell({ type: 'route', op: 'del', route: route! });
    return undefined;
  }

  #act(action: RouteAction): WriteFailure[] {
    const code = this.#code(action);
    if (code === undefined) this.written.push(action.op === 'remove' ? action.old.dst : action.route.dst);
    // The adapter calls it done when what is to go is gone.
    if (code === undefined || (action.op === 'remove' && code === 'ESRCH')) return [];
    return [{ action, code, message: `the model says ${code}` }];
  }

  /** What the adapter makes of an action: away with the old one by its exact key, then an exclusive creation. */
  #code(action: RouteAction): string | undefined {
    if (action.op !== 'add') {
      const { dst, via, oif, priority } = action.old;
      const exact = { ...(via === undefined ? {} : { via }), ...(oif === undefined ? {} : { oif }) };
      const code = this.deleteRoute({ dst, ...exact, priority, protocol: ROUTE_PROTOCOL }, true);
      if (action.op === 'remove') return code;
    }
    return this.refusing.get(action.route.via) ?? this.putRoute(asKernelRoute(action.route), 'create', true);
  }

  /** A next hop has to be on a network of a link that is up. */
  #unreachable({ via, oif, family }: KernelRoute): string | undefined {
    const link = this.links.find(({ index }) => index === oif);
    if (link === undefined) return 'ENODEV';
    if (via === undefined) return link.up ? undefined : 'ENETDOWN';
    const hop = parseAddress(via)!;
    const onLink = [...this.#routes.values()].some((routes) =>
      routes.some(
        (have) =>
          have.family === family &&
          have.via === undefined &&
          have.oif === oif &&
          contains(parsePrefix(have.dst)!, hop),
      ),
    );
    if (onLink) return undefined;
    return family === 'ipv4' ? 'ENETUNREACH' : 'EHOSTUNREACH';
  }

  #connect(link: KernelLink, address: string): void {
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    const dst = networkOf(address);
    const there = this.at(dst).some(
      ({ oif, protocol }) => oif === link.index && protocol === PROTOCOL_KERNEL,
    );
    if (there) return;
    const route: KernelRoute = {
      family,
      dst,
      oif: link.index,
      protocol: PROTOCOL_KERNEL,
      priority: CONNECTED_METRIC[family],
      type: 1,
    };
    this.#routes.set(dst, [...this.at(dst), route]);
    this.#tell({ type: 'route', op: 'new', route });
  }

  #dropRoutes(which: (route: KernelRoute) => boolean, aloud: boolean): void {
    for (const [dst, routes] of this.#routes) {
      const gone = routes.filter(which);
      if (gone.length === 0) continue;
      const left = routes.filter((route) => !gone.includes(route));
      if (left.length === 0) this.#routes.delete(dst);
      else this.#routes.set(dst, left);
      if (aloud) for (const route of gone) this.#tell({ type: 'route', op: 'del', route });
    }
  }

  #working(): void {
    if (this.broken !== undefined) throw new Error(this.broken);
  }

  #tell(event: KernelEvent): void {
    for (const listener of this.#listeners) if (listener !== this.#writer) listener(event);
  }
}

/** Lets a process die between two messages of a write. */
export interface DeathInWrite {
  /** Throws when that moment has come. */
  beforeAction(): void;
}

/** Events on their way to one process: in order, each a little later than it happened. */
class Inbox implements AsyncIterable<KernelEvent> {
  readonly #after: After;
  readonly #latencyMs: () => number;
  #onTheWay: KernelEvent[] = [];
  #arrived: KernelEvent[] = [];
  #wake: () => void = () => undefined;
  #pending = false;
  #closed = false;

  constructor(after: After, latencyMs: () => number) {
    this.#after = after;
    this.#latencyMs = latencyMs;
  }

  push(event: KernelEvent): void {
    this.#onTheWay.push(event);
    if (this.#pending) return;
    this.#pending = true;
    this.#after(this.#latencyMs(), () => {
      this.#pending = false;
      this.#arrived.push(...this.#onTheWay.splice(0));
      this.#wake();
    });
  }

  /** ENOBUFS: what is on the way is lost, and said to be. */
  overflow(): void {
    this.#onTheWay = [];
    this.push({ type: 'overflow' });
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<KernelEvent> {
    while (!this.#closed) {
      const event = this.#arrived.shift();
      if (event !== undefined) yield event;
      else
        await new Promise<void>((done) => {
          this.#wake = done;
        });
    }
  }
}

/** The network of an address with its prefix length. */
const networkOf = (address: string): string => formatPrefix(parsePrefix(address)!);

export const show = ({ dst, via, protocol, priority }: KernelRoute): string =>
  `${dst} via ${via ?? 'none'} proto ${protocol} metric ${priority}`;

/** A route as somebody else would make it. */
export function foreignRoute(
  dst: string,
  via: string,
  oif: number,
  protocol = 4,
  priority?: number,
): KernelRoute {
  const family = dst.includes(':') ? 'ipv6' : 'ipv4';
  return { family, dst, via, oif, protocol, priority: priority ?? defaultMetric(dst), type: 1 };
}
