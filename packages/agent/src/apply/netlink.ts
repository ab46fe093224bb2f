/** The kernel by netlink: what the agent needs of @cnikit/netlink. */
import {
  type Address,
  delRoute,
  newRoute,
  openRoute,
  type Request,
  type Route,
  type RouteConnection,
  RT_TABLE_MAIN,
} from '@cnikit/netlink';
import { type Event, monitor } from '@cnikit/netlink/monitor';
import type { RouteAction } from '../diff.ts';
import { type KernelAddress, type KernelRoute, type KernelState, ROUTE_PROTOCOL } from '../model.ts';
import type { Kernel, KernelEvent, WriteFailure } from './kernel.ts';

/** The network namespace of this process. */
export function openKernel(): Kernel {
  const connection = openRoute();
  return {
    dump: () => dump(connection),
    write: (actions) => write(connection, actions),
    events,
    close: () => connection.close(),
  };
}

function dump(connection: RouteConnection): KernelState {
  return {
    links: connection.links().map(({ index, name, mtu, up }) => ({ index, name, mtu, up })),
    addresses: connection.addresses().map(kernelAddress),
    routes: connection.routes({ table: RT_TABLE_MAIN }).map(kernelRoute),
  };
}

const kernelAddress = ({ index, address }: Address): KernelAddress => ({ index, address });

function kernelRoute({ family, dst, via, oif, nextHops, protocol, priority, type }: Route): KernelRoute {
  // Of several next hops the first stands for all: such a route is never ours.
  const hop = nextHops?.[0] ?? { via, oif };
  return {
    family,
    dst,
    ...(hop.via === undefined ? {} : { via: hop.via }),
    ...(hop.oif === undefined ? {} : { oif: hop.oif }),
    protocol,
    priority,
    type,
  };
}

function write(connection: RouteConnection, actions: readonly RouteAction[]): WriteFailure[] {
  return connection.batchSettled(actions.map(request)).flatMap(({ index, code, message }) => {
    const action = actions[index ?? 0]!;
    // What is to go and is gone is as it should be.
    return action.op === 'remove' && code === 'ESRCH' ? [] : [{ action, code, message }];
  });
}

/** Creating is exclusive and removing names our protocol, so that neither can hit a foreign route. */
function request(action: RouteAction): Request {
  if (action.op === 'remove') {
    const { dst, via, oif, priority } = action.old;
    return delRoute({
      dst,
      ...(via === undefined ? {} : { via }),
      ...(oif === undefined ? {} : { oif }),
      protocol: ROUTE_PROTOCOL,
      priority,
    });
  }
  const { dst, via, oif } = action.route;
  return newRoute({
    dst,
    via,
    oif,
    protocol: ROUTE_PROTOCOL,
    mode: action.op === 'add' ? 'create' : 'replace',
  });
}

/** Listens from the moment it is called. */
function events(signal: AbortSignal): AsyncIterable<KernelEvent> {
  const groups = ['link', 'ipv4-address', 'ipv6-address', 'ipv4-route', 'ipv6-route'] as const;
  return decoded(monitor({ groups, signal }));
}

async function* decoded(changes: AsyncIterable<Event>): AsyncIterable<KernelEvent> {
  for await (const change of changes) {
    if (change.type === 'overflow') yield change;
    else if (change.type === 'link') yield { type: 'link', index: change.link.index };
    else if (change.type === 'address') yield { type: 'address', ...kernelAddress(change.address) };
    else if (change.type === 'route' && change.route.table === RT_TABLE_MAIN)
      yield { type: 'route', op: change.action, route: kernelRoute(change.route) };
  }
}
