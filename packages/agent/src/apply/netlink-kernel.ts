/** Adapts @cnikit/netlink to {@link Kernel}. */
import { randomInt } from 'node:crypto';
import {
  type Address,
  delAddress,
  delLink,
  delNeighbour,
  type Link,
  type Neighbour,
  newAddress,
  newLink,
  newNeighbour,
  openRtnetlink,
  type Request,
  type Route,
  type RtnetlinkConnection,
  setLink,
} from '@cnikit/netlink';
import { IFF_NOARP, NUD_PERMANENT } from '@cnikit/netlink/constants';
import { type Event, type MonitorOptions, monitor } from '@cnikit/netlink/monitor';
import type { KernelAction, NeighbourAction, TunnelAction } from '../core/action.ts';
import type { Kernel, KernelEvent, WriteFailure } from '../core/kernel.ts';
import {
  type KernelAddress,
  type KernelLink,
  type KernelNeighbour,
  type KernelRoute,
  type KernelState,
  RTN_UNREACHABLE,
} from '../core/model.ts';
import { isOwnTunnel, TUNNEL_ALIAS, TUNNEL_GROUP } from '../core/tunnel-mark.ts';
import { withNextHops } from './next-hop-objects.ts';
import { routeRequests } from './route-requests.ts';

/** Opens a network namespace, by default that of this process. */
export function openKernel(netns?: string): Kernel {
  const connection = openRtnetlink({ netns });
  return {
    dump: () => dump(connection),
    write: (actions) => write(connection, actions),
    events: (signal) => events({ netns, signal, ignorePort: connection.connection.port }),
    close: () => connection.close(),
  };
}

function dump(connection: RtnetlinkConnection): KernelState {
  const links = connection.links().map(kernelLink);
  return {
    links,
    addresses: connection.addresses().map(kernelAddress),
    routes: withNextHops(connection, connection.routes({ table: 'main' })).map(kernelRoute),
    neighbours: links
      .filter((link) => isOwnTunnel(link))
      .flatMap(({ index }) => [
        ...connection.neighbours({ index, family: 'bridge' }),
        ...connection.neighbours({ index }),
      ])
      .flatMap((neighbour) =>
        isPermanent(neighbour) && isOfLink(neighbour) ? [kernelNeighbour(neighbour)] : [],
      ),
  };
}

function kernelLink({
  index,
  name,
  mtu,
  up,
  flags,
  kind,
  master,
  mac,
  alias,
  group,
  vxlan,
}: Link): KernelLink {
  const noArp = (flags & IFF_NOARP) === 0 ? undefined : true;
  const link: KernelLink = { index, name, mtu, up, noArp, kind, master };
  if (vxlan === undefined) {
    return link;
  }
  const { id = 0, port = 0, macLearning = true, local } = vxlan;
  return {
    ...link,
    mac,
    alias,
    group,
    vxlan: { id, port, learning: macLearning, local },
  };
}

const isPermanent = ({ state }: Neighbour): boolean => (state & NUD_PERMANENT) !== 0;

/** A bridge has entries without a remote end for its ports. */
const isOfLink = ({ address }: Neighbour): boolean => address !== undefined;

const kernelNeighbour = ({ family, index, mac = '', address = '' }: Neighbour): KernelNeighbour => ({
  table: family === 'bridge' ? 'fdb' : 'neighbour',
  index,
  mac,
  address,
});

const kernelAddress = ({ index, address }: Address): KernelAddress => ({ index, address });

function kernelRoute({
  family,
  dst,
  via,
  oif,
  nextHops,
  protocol,
  priority,
  type,
  metrics,
}: Route): KernelRoute {
  // The first of several next hops represents them: such a route is never ours.
  const [hop = { via, oif }, ...others] = nextHops ?? [];
  const otherOifs = others.flatMap((other) => (other.oif === undefined ? [] : [other.oif]));
  return {
    family,
    dst,
    via: hop.via,
    // IPv6 names the loopback link in them.
    oif: type === RTN_UNREACHABLE ? undefined : hop.oif,
    ...(otherOifs.length === 0 ? {} : { otherOifs }),
    protocol,
    priority,
    type,
    mtu: metrics?.mtu,
  };
}

function write(connection: RtnetlinkConnection, actions: readonly KernelAction[]): WriteFailure[] {
  const all: Request[] = [];
  /** The action that each request belongs to. */
  const of: KernelAction[] = [];
  for (const action of actions) {
    for (const request of requests(action)) {
      all.push(request);
      of.push(action);
    }
  }
  const failed = new Set<KernelAction>();
  return connection.batchSettled(all).flatMap(({ index = 0, code, message }) => {
    const action = of[index]!;
    // Report the first failure of an action: a link that was not created cannot be set up either.
    if (isGone(action, code) || optional.has(all[index]!) || failed.has(action)) {
      return [];
    }
    failed.add(action);
    return [{ action, code, message }];
  });
}

/** Requests whose failure leaves a working state. */
const optional = new WeakSet<Request>();

function ifPossible(request: Request): Request {
  optional.add(request);
  return request;
}

/** True when the object of a removal does not exist any more. */
function isGone(action: KernelAction, code: string): boolean {
  if (action.op === 'remove' && code === 'ENODEV') {
    return true;
  }
  // A change also creates a route, which never fails with ESRCH.
  if (action.kind === 'route') {
    return action.op !== 'add' && code === 'ESRCH';
  }
  return action.kind === 'neighbour' && action.op === 'remove' && code === 'ENOENT';
}

function requests(action: KernelAction): Request[] {
  switch (action.kind) {
    case 'route':
      return routeRequests(action);
    case 'neighbour':
      return [neighbourRequest(action)];
    case 'tunnel':
      return tunnelRequests(action);
  }
}

function neighbourRequest({ op, entry: { table, index, mac, address } }: NeighbourAction): Request {
  const spec = { index, mac, address, ...(table === 'fdb' ? { family: 'bridge' as const } : {}) };
  return op === 'put' ? newNeighbour(spec) : delNeighbour(spec);
}

/** The tunnel itself has no IPv6, so it needs no link-local address. */
const NO_LINK_LOCAL = 'none';

function tunnelRequests(action: TunnelAction): Request[] {
  if (action.op === 'remove') {
    return [delLink({ index: action.old.index })];
  }
  const { name, vni: id, port, mac, mtu, local, underlay, addresses } = action.link;
  // A later change adds the addresses.
  if (action.op === 'add') {
    // Choose the index here, so that the next requests cannot affect a foreign link that has just taken the
    // name.
    const index = randomInt(2 ** 20, 2 ** 30);
    return [
      newLink({
        index,
        kind: 'vxlan',
        name,
        id,
        port,
        macLearning: false,
        // Without a local address the link still needs its family.
        local: local ?? (underlay === 'ipv6' ? '::' : undefined),
        mac,
        mtu,
        // The mark, from the first moment.
        group: TUNNEL_GROUP,
      }),
      // The kernel ignores these attributes at creation. It refuses the mode on a link without IPv6: with an
      // MTU below 1280, or with ipv6.disable=1.
      ifPossible(setLink({ index, addrGenMode: NO_LINK_LOCAL })),
      ifPossible(setLink({ index, alias: TUNNEL_ALIAS })),
      setLink({ index, up: true }),
    ];
  }
  const { index, master } = action.old;
  return [
    // A port passes its packets to the bridge.
    ...(master === undefined ? [] : [setLink({ index, master: 0 })]),
    // Setting the same hardware address again would empty the link's neighbour table.
    setLink({ index, ...(mac === action.old.mac ? {} : { mac }), mtu, up: true }),
    ...addresses
      .filter((address) => !action.old.addresses.includes(address))
      .map((address) => newAddress({ index, address, nodad: address.includes(':') })),
    ...action.old.addresses
      .filter((address) => !addresses.includes(address))
      .map((address) => delAddress({ index, address })),
  ];
}

/** Room for the events of thousands of routes, which arrive at once when a link goes down. */
const RECEIVE_BYTES = 8 * 1024 * 1024;

/** Subscribes when called. The agent's own writes cause no events, except those to the FDB: VXLAN reports them to everyone. */
function events(where: Pick<MonitorOptions, 'netns' | 'signal' | 'ignorePort'>): AsyncIterable<KernelEvent> {
  const groups = [
    'link',
    'ipv4-address',
    'ipv6-address',
    'ipv4-route',
    'ipv6-route',
    'neighbour',
    'ipv4-netconf',
    'ipv6-netconf',
  ] as const;
  return decoded(monitor({ groups, receiveBuffer: RECEIVE_BYTES, ...where }));
}

async function* decoded(changes: AsyncIterable<Event>): AsyncIterable<KernelEvent> {
  for await (const change of changes) {
    if (change.type === 'overflow') {
      yield change;
    } else if (change.type === 'link') {
      const { index, name, up, kind, master } = change.link;
      yield { type: 'link', index, link: { op: change.action, name, up, kind, master } };
    } else if (change.type === 'netconf') {
      yield { type: 'setting', ...change.netconf };
    } else if (change.type === 'address') {
      yield { type: 'address', op: change.action, ...kernelAddress(change.address) };
    } else if (change.type === 'neighbour' && isOfLink(change.neighbour)) {
      yield {
        type: 'neighbour',
        op: change.action === 'new' && isPermanent(change.neighbour) ? 'new' : 'del',
        neighbour: kernelNeighbour(change.neighbour),
      };
    } else if (change.type === 'route' && change.route.table === 'main') {
      yield { type: 'route', op: change.action, route: kernelRoute(change.route) };
    }
  }
}
