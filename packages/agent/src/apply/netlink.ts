/** The kernel by netlink: what the agent needs of @cnikit/netlink. */
import { openRoute, type RouteConnection } from '@cnikit/netlink';
import type { KernelState } from '../model.ts';
import type { Kernel } from './kernel.ts';

/** RT_TABLE_MAIN (include/uapi/linux/rtnetlink.h): pods and nodes are routed by it. */
const MAIN = 254;

export function openKernel(): Kernel {
  const connection = openRoute({});
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
    addresses: connection.addresses().map(({ index, address }) => ({ index, address })),
    routes: connection.routes({ table: MAIN }).map(kernelRoute),
  };
}
