/**
 * A model of the kernel as the agent uses it: links (VXLAN links and their entries too), addresses and the
 * main table, with the errors and events of Linux. `kernel.soak.test.ts` applies the same random operations
 * to the model and to the real kernel.
 */

import { isDeepStrictEqual } from 'node:util';
import { contains, formatPrefix, parseAddress, parseNetwork } from '@cnikit/ip';
import type { KernelAction, NeighbourAction, RouteAction, TunnelAction } from '../../src/core/action.ts';
import type { Kernel, KernelEvent, WriteFailure } from '../../src/core/kernel.ts';
import {
  entryKey,
  type KernelAddress,
  type KernelLink,
  type KernelNeighbour,
  type KernelRoute,
  type KernelState,
  RTN_UNREACHABLE,
} from '../../src/core/model.ts';
import { ROUTE_PROTOCOL } from '../../src/core/names.ts';
import type { After } from '../../src/core/timers.ts';
import { isOwnTunnel, TUNNEL_ALIAS, TUNNEL_GROUP } from '../../src/core/tunnel-mark.ts';
import { asKernelRoute, defaultMetric } from '../../src/reconcile/diff.ts';
import { Inbox } from './inbox.ts';

/** RTPROT_KERNEL: connected routes. */
const PROTOCOL_KERNEL = 'kernel';
/** IP6_RT_PRIO_ADDRCONF. */
const CONNECTED_METRIC = { ipv4: 0, ipv6: 256 } as const;

type Listener = (event: KernelEvent) => void;

/** An errno. */
class Refused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** The object of an action, for the list of writes. */
function placeOf(action: KernelAction): string {
  if (action.kind === 'route') {
    return action.op === 'remove' ? action.old.dst : action.route.dst;
  }
  if (action.kind === 'neighbour') {
    return `${action.entry.table} ${action.entry.address}`;
  }
  return `link ${action.op === 'remove' ? action.old.name : action.link.name}`;
}

/** Returns true when the outer packets of a VXLAN link are IPv6. */
const isSix = ({ vxlan }: Partial<KernelLink>): boolean => vxlan?.local?.includes(':') === true;

export class SimulatedKernel {
  readonly links: KernelLink[] = [{ index: 1, name: 'lo', mtu: 65_536, up: true }];
  readonly addresses: KernelAddress[] = [];
  /** Routes by destination, in the kernel's order of preference. */
  readonly #routes = new Map<string, KernelRoute[]>();
  readonly #listeners = new Set<Listener>();
  /** The listener that gets no events, because it made the change. */
  #writer: Listener | undefined;
  /** Permanent entries of VXLAN links by key. */
  readonly #neighbours = new Map<string, KernelNeighbour>();
  /** Foreign objects that the agent changed: must stay empty. */
  readonly harmed: string[] = [];
  /** Objects that the agent added or removed, in order: destinations of routes, links and their entries. */
  written: string[] = [];
  /** Next hops that the kernel refuses, with the errno. */
  readonly refusing = new Map<string, string>();
  /** Error of every read and write; undefined while the kernel works. */
  broken: string | undefined;
  #lastIndex = 1;

  /** Opens the kernel for one process. */
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

  get neighbours(): KernelNeighbour[] {
    return [...this.#neighbours.values()];
  }

  state(): KernelState {
    return {
      links: this.links.map((link) => ({ ...link })),
      addresses: [...this.addresses],
      routes: [...this.#routes.values()].flat(),
      neighbours: this.neighbours.filter(({ index }) => this.#isTunnel(index)),
    };
  }

  at(dst: string): readonly KernelRoute[] {
    return this.#routes.get(dst) ?? [];
  }

  *own(): IterableIterator<KernelRoute> {
    for (const routes of this.#routes.values()) {
      for (const route of routes) {
        if (route.protocol === ROUTE_PROTOCOL) {
          yield route;
        }
      }
    }
  }

  link(name: string): KernelLink | undefined {
    return this.links.find((link) => link.name === name);
  }

  /** `ip link add NAME`, down and without addresses. EEXIST when there is one of that name, or such a VXLAN. */
  addLink(name: string, rest: Partial<KernelLink> = {}): KernelLink {
    const like = (one: KernelLink): boolean =>
      one.vxlan !== undefined &&
      one.vxlan.id === rest.vxlan?.id &&
      one.vxlan.port === rest.vxlan.port &&
      isSix(one) === isSix(rest);
    if (this.links.some((one) => one.name === name || like(one))) {
      throw new Refused('EEXIST');
    }
    this.#lastIndex++;
    const link: KernelLink = { index: this.#lastIndex, name, mtu: 1500, up: false, ...rest };
    this.links.push(link);
    this.#tell({ type: 'link', index: link.index });
    return link;
  }

  /** `ip link del`, with everything that belongs to the link. */
  deleteLink(link: KernelLink): void {
    // The kernel removes the dependent objects itself and notifies every listener.
    const writer = this.#writer;
    this.#writer = undefined;
    this.setUp(link, false);
    for (const { address } of this.addresses.filter(({ index }) => index === link.index)) {
      this.deleteAddress(link, address);
    }
    this.#dropNeighbours(link, 'fdb');
    this.#writer = writer;
    this.links.splice(this.links.indexOf(link), 1);
    this.#tell({ type: 'link', index: link.index });
  }

  /**
   * Setting a hardware address, even the same, empties the neighbour table (arp_netdev_event in
   * net/ipv4/arp.c).
   */
  setMac(link: KernelLink, mac: string): void {
    link.mac = mac;
    this.#dropNeighbours(link, 'neighbour');
    this.#tell({ type: 'link', index: link.index });
  }

  /** `bridge fdb replace`, `ip neighbour replace … nud permanent`. */
  putNeighbour(entry: KernelNeighbour): string | undefined {
    const link = this.links.find(({ index }) => index === entry.index);
    if (link === undefined) {
      return 'ENODEV';
    }
    if (entry.table === 'fdb' && isSix(link) !== entry.address.includes(':')) {
      return 'EAFNOSUPPORT';
    }
    const key = entryKey(entry);
    const old = this.#neighbours.get(key);
    this.#neighbours.set(key, { ...entry });
    const isFdb = entry.table === 'fdb';
    // VXLAN reports changes only, and to the writer too (vxlan_fdb_notify in drivers/net/vxlan/vxlan_core.c).
    if (!isFdb || old?.address !== entry.address) {
      this.#tell({ type: 'neighbour', op: 'new', neighbour: { ...entry } }, isFdb);
    }
    return undefined;
  }

  deleteNeighbour(entry: KernelNeighbour): string | undefined {
    if (!this.links.some(({ index }) => index === entry.index)) {
      return 'ENODEV';
    }
    const have = this.#neighbours.get(entryKey(entry));
    const isFdb = entry.table === 'fdb';
    // VXLAN compares the remote address too (vxlan_fdb_find_rdst).
    if (have === undefined || (isFdb && have.address !== entry.address)) {
      return 'ENOENT';
    }
    this.#dropNeighbour(have, isFdb);
    return undefined;
  }

  /** `ip link set arp`. The kernel drops the neighbours of a link without ARP. */
  setArp(link: KernelLink, on: boolean): void {
    if ((link.noArp !== true) === on) {
      return;
    }
    link.noArp = on ? undefined : true;
    this.#tell({ type: 'link', index: link.index });
  }

  setMtu(link: KernelLink, mtu: number): void {
    if (link.mtu === mtu) {
      return;
    }
    link.mtu = mtu;
    this.#tell({ type: 'link', index: link.index });
  }

  /** Setting a link down removes its routes and IPv6 addresses; setting it up restores its connected routes. */
  setUp(link: KernelLink, up: boolean): void {
    if (link.up === up) {
      return;
    }
    link.up = up;
    this.#tell({ type: 'link', index: link.index });
    if (up) {
      for (const { index, address } of this.addresses) {
        if (index === link.index) {
          this.#connect(link, address);
        }
      }
      return;
    }
    this.#dropNeighbours(link, 'neighbour');
    // IPv4 routes are removed without events (fib_flush), IPv6 routes with one each (addrconf_ifdown,
    // rt6_ifdown).
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
    if (this.addresses.some((have) => have.index === link.index && have.address === address)) {
      return;
    }
    this.addresses.push({ index: link.index, address });
    // A worker of the kernel sets up an IPv6 address and notifies every listener (addrconf_dad_work in
    // net/ipv6/addrconf.c).
    this.#tell({ type: 'address', index: link.index, address }, address.includes(':'));
    if (link.up) {
      this.#connect(link, address);
    }
  }

  /** `ip address del`. The last IPv4 address of a link takes all its IPv4 routes along. */
  deleteAddress(link: KernelLink, address: string): void {
    const at = this.addresses.findIndex((have) => have.index === link.index && have.address === address);
    if (at < 0) {
      return;
    }
    this.addresses.splice(at, 1);
    const six = address.includes(':');
    const left = this.addresses.filter(
      (have) => have.index === link.index && have.address.includes(':') === six,
    );
    const network = networkOf(address);
    if (!left.some((have) => networkOf(have.address) === network)) {
      this.#dropRoutes(
        ({ dst, oif, protocol }) => dst === network && oif === link.index && protocol === PROTOCOL_KERNEL,
        true,
      );
    }
    this.#tell({ type: 'address', index: link.index, address });
    if (!six && left.length === 0) {
      this.#dropRoutes(({ oif, family }) => oif === link.index && family === 'ipv4', false);
    }
  }

  /**
   * RTM_NEWROUTE, exclusive or like `ip route replace`. Returns the errno, or undefined. `agent` is the
   * caller.
   */
  putRoute(
    route: KernelRoute,
    mode: 'create' | 'replace',
    { agent = false, onlink = false } = {},
  ): string | undefined {
    const refused = this.#unreachable(route, onlink);
    if (refused !== undefined) {
      return refused;
    }
    const routes = this.#routes.get(route.dst) ?? [];
    const at = routes.findIndex(({ priority }) => priority === route.priority);
    if (at >= 0 && mode === 'create') {
      return 'EEXIST';
    }
    // IPv4 reports nothing then, IPv6 the route (fib_table_insert() in net/ipv4/fib_trie.c).
    if (route.family === 'ipv4' && isDeepStrictEqual(routes[at], route)) {
      return undefined;
    }
    if (at >= 0) {
      const [old] = routes.splice(at, 1, route);
      if (agent && old!.protocol !== ROUTE_PROTOCOL) {
        this.harmed.push(`replaced ${show(old!)}`);
      }
    } else {
      const behind = routes.findIndex(({ priority }) => priority > route.priority);
      routes.splice(behind < 0 ? routes.length : behind, 0, route);
    }
    this.#routes.set(route.dst, routes);
    this.#tell({ type: 'route', op: 'new', route });
    return undefined;
  }

  /** RTM_DELROUTE of the first route with all these attributes. Metric 0 matches any for IPv4. */
  deleteRoute(wanted: Partial<KernelRoute> & { dst: string }, agent = false): string | undefined {
    const routes = this.#routes.get(wanted.dst) ?? [];
    const at = routes.findIndex(
      (have) =>
        (wanted.via === undefined || have.via === wanted.via) &&
        (wanted.oif === undefined || have.oif === wanted.oif) &&
        (wanted.protocol === undefined || have.protocol === wanted.protocol) &&
        (!wanted.priority || have.priority === wanted.priority),
    );
    if (at < 0) {
      return 'ESRCH';
    }
    const [route] = routes.splice(at, 1);
    if (routes.length === 0) {
      this.#routes.delete(wanted.dst);
    }
    if (agent && route!.protocol !== ROUTE_PROTOCOL) {
      this.harmed.push(`removed ${show(route!)}`);
    }
    this.#tell({ type: 'route', op: 'del', route: route! });
    return undefined;
  }

  #act(action: KernelAction): WriteFailure[] {
    const code = this.#code(action);
    if (code === undefined) {
      this.written.push(placeOf(action));
    }
    // The adapter takes a removal of a missing object for success.
    const gone = action.op === 'remove' && ['ESRCH', 'ENOENT', 'ENODEV'].includes(code ?? '');
    if (code === undefined || gone) {
      return [];
    }
    return [{ action, code, message: `the model says ${code}` }];
  }

  #code(action: KernelAction): string | undefined {
    if (action.kind === 'route') {
      return this.#route(action);
    }
    return action.kind === 'tunnel' ? this.#tunnel(action) : this.#neighbour(action);
  }

  #neighbour({ op, entry }: NeighbourAction): string | undefined {
    const link = this.links.find(({ index }) => index === entry.index);
    if (link !== undefined && !isOwnTunnel(link)) {
      this.harmed.push(`entry of ${link.name}`);
    }
    return op === 'put' ? this.putNeighbour(entry) : this.deleteNeighbour(entry);
  }

  /** Carries out each request, like the adapter, regardless of the results of the previous ones. */
  #tunnel(action: TunnelAction): string | undefined {
    const old = action.op === 'add' ? undefined : action.old;
    const present = this.links.find(({ index }) => index === old?.index);
    if (present !== undefined && !isOwnTunnel(present)) {
      this.harmed.push(`link ${present.name}`);
    }
    if (action.op === 'remove') {
      if (present === undefined) {
        return 'ENODEV';
      }
      this.deleteLink(present);
      return undefined;
    }
    const { name, vni: id, port, mac, mtu, local, underlay, addresses } = action.link;
    if (action.op === 'add') {
      const source = local ?? (underlay === 'ipv6' ? '::' : undefined);
      const vxlan = { id, port, learning: false, local: source };
      try {
        const link = this.addLink(name, { mac, mtu, group: TUNNEL_GROUP, vxlan });
        link.alias = TUNNEL_ALIAS;
        this.setUp(link, true);
        return undefined;
      } catch (error) {
        if (error instanceof Refused) {
          return error.code;
        }
        throw error;
      }
    }
    if (present === undefined) {
      return 'ENODEV';
    }
    if (present.mac !== mac) {
      this.setMac(present, mac);
    }
    this.setMtu(present, mtu);
    this.setUp(present, true);
    for (const address of addresses) {
      this.addAddress(present, address);
    }
    for (const address of action.old.addresses) {
      if (!addresses.includes(address)) {
        this.deleteAddress(present, address);
      }
    }
    return undefined;
  }

  /** The adapter's requests for an action: remove the old route by its exact key, then create exclusively. */
  #route(action: RouteAction): string | undefined {
    if (action.op !== 'add') {
      const { dst, via, oif, priority } = action.old;
      const exact = { via, oif };
      const code = this.deleteRoute({ dst, ...exact, priority, protocol: ROUTE_PROTOCOL }, true);
      if (action.op === 'remove') {
        return code;
      }
    }
    if ('unreachable' in action.route) {
      return this.putRoute(asKernelRoute(action.route), 'create', { agent: true });
    }
    const { via, onlink = false } = action.route;
    return (
      this.refusing.get(via) ?? this.putRoute(asKernelRoute(action.route), 'create', { agent: true, onlink })
    );
  }

  /** A next hop must be on the network of a link that is up, unless it is declared on-link. */
  #unreachable({ via, oif, family, type }: KernelRoute, onlink: boolean): string | undefined {
    if (type === RTN_UNREACHABLE) {
      return undefined;
    }
    const link = this.links.find(({ index }) => index === oif);
    if (link === undefined) {
      return 'ENODEV';
    }
    if (via === undefined || onlink || via.startsWith('fe80:')) {
      return link.up ? undefined : 'ENETDOWN';
    }
    const hop = parseAddress(via)!;
    const onLink = [...this.#routes.values()].some((routes) =>
      routes.some(
        (have) =>
          have.family === family &&
          have.via === undefined &&
          have.oif === oif &&
          contains(parseNetwork(have.dst)!, hop),
      ),
    );
    if (onLink) {
      return undefined;
    }
    return family === 'ipv4' ? 'ENETUNREACH' : 'EHOSTUNREACH';
  }

  #connect(link: KernelLink, address: string): void {
    // A single IPv4 address does not get a connected route (fib_add_ifaddr in net/ipv4/fib_frontend.c).
    if (address.endsWith('/32')) {
      return;
    }
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    const dst = networkOf(address);
    const there = this.at(dst).some(
      ({ oif, protocol }) => oif === link.index && protocol === PROTOCOL_KERNEL,
    );
    if (there) {
      return;
    }
    const route: KernelRoute = {
      family,
      dst,
      oif: link.index,
      protocol: PROTOCOL_KERNEL,
      priority: CONNECTED_METRIC[family],
      type: 'unicast',
    };
    this.#routes.set(dst, [...this.at(dst), route]);
    this.#tell({ type: 'route', op: 'new', route }, family === 'ipv6');
  }

  #dropRoutes(which: (route: KernelRoute) => boolean, aloud: boolean): void {
    for (const [dst, routes] of this.#routes) {
      const gone = routes.filter(which);
      if (gone.length === 0) {
        continue;
      }
      const left = routes.filter((route) => !gone.includes(route));
      if (left.length === 0) {
        this.#routes.delete(dst);
      } else {
        this.#routes.set(dst, left);
      }
      if (aloud) {
        for (const route of gone) {
          this.#tell({ type: 'route', op: 'del', route });
        }
      }
    }
  }

  #isTunnel(index: number): boolean {
    return this.links.some((link) => link.index === index && isOwnTunnel(link));
  }

  #dropNeighbours(link: KernelLink, table: KernelNeighbour['table']): void {
    for (const entry of this.neighbours) {
      if (entry.index === link.index && entry.table === table) {
        this.#dropNeighbour(entry, true);
      }
    }
  }

  #dropNeighbour(entry: KernelNeighbour, toWriter = false): void {
    this.#neighbours.delete(entryKey(entry));
    this.#tell({ type: 'neighbour', op: 'del', neighbour: entry }, toWriter);
  }

  #working(): void {
    if (this.broken !== undefined) {
      throw new Error(this.broken);
    }
  }

  #tell(event: KernelEvent, toWriter = false): void {
    for (const listener of this.#listeners) {
      if (toWriter || listener !== this.#writer) {
        listener(event);
      }
    }
  }
}

/** Kills a process between two messages of a write. */
export interface DeathInWrite {
  /** Throws when the process dies now. */
  beforeAction(): void;
}

/** The network of an address with its prefix length. */
const networkOf = (address: string): string => formatPrefix(parseNetwork(address)!);

export const show = ({ dst, via, protocol, priority }: KernelRoute): string =>
  `${dst} via ${via ?? 'none'} proto ${protocol} metric ${priority}`;

/** A route of another program. */
export function foreignRoute(
  dst: string,
  via: string,
  oif: number,
  protocol: KernelRoute['protocol'] = 'static',
  priority?: number,
): KernelRoute {
  const family = dst.includes(':') ? 'ipv6' : 'ipv4';
  return { family, dst, via, oif, protocol, priority: priority ?? defaultMetric(dst), type: 'unicast' };
}
