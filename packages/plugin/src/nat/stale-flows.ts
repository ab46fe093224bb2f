import { families, familyOf } from '@cnikit/ip';
import {
  ConntrackConnection,
  deleteFlows,
  type Flow,
  flowsOf,
  openConntrack,
} from '@cnikit/netlink/conntrack';
import type { NftConnection } from '@cnikit/netlink/nftables';
import { openRtnetlink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { withoutLength } from '../lib/prefix.ts';
import { type HostPort, ofFamily } from './host-port.ts';
import { isWithoutNftables } from './nftables.ts';

const IPPROTO_UDP = 17;

/**
 * Deletes conntrack entries of UDP flows to host ports whose rules have just changed. The kernel applies NAT rules to new
 * flows only, so known flows would continue to reach the previous pod. Flows to the same port of other machines and of
 * Services stay. One dump for each family serves all ports: the kernel walks its whole table for each.
 *
 * @param nft connection to reuse; a new one is opened if absent
 */
export function forgetStaleFlows(sys: Sys, ports: readonly HostPort[], nft?: NftConnection): void {
  const udp = ports.filter(({ protocol }) => protocol === 'udp');
  if (udp.length === 0) {
    return;
  }
  withConntrack(sys, nft, (conntrack) => forget(sys, conntrack, udp));
}

/**
 * Deletes the conntrack entries of addresses that lost their pod, so that the next pod inherits no connection.
 *
 * @param nft connection to reuse; a new one is opened if absent
 */
export function forgetFlows(sys: Sys, addresses: ReadonlySet<string>, nft?: NftConnection): void {
  withConntrack(sys, nft, (conntrack) => {
    for (const family of families) {
      if ([...addresses].some((address) => familyOf(address) === family)) {
        deleteFlows(conntrack, flowsOf(conntrack, family, addresses));
      }
    }
  });
}

function withConntrack(
  sys: Sys,
  nft: NftConnection | undefined,
  body: (conntrack: ConntrackConnection) => void,
): void {
  try {
    const conntrack = nft ? new ConntrackConnection(nft.connection) : openConntrack({ sys });
    try {
      body(conntrack);
    } finally {
      if (nft === undefined) {
        conntrack.close();
      }
    }
  } catch (error) {
    // The kernel has no conntrack over netlink.
    if (!isWithoutNftables(error)) {
      throw error;
    }
  }
}

function forget(sys: Sys, conntrack: ConntrackConnection, ports: readonly HostPort[]): void {
  let local: Set<string> | undefined;
  for (const family of families) {
    const wanted = new Map<number, Set<string | undefined>>();
    for (const { hostPort, hostIP } of ofFamily(ports, family)) {
      wanted.set(hostPort, (wanted.get(hostPort) ?? new Set()).add(hostIP));
    }
    const [only, ...others] = wanted.keys();
    if (only === undefined) {
      continue;
    }
    const filter = { protocol: IPPROTO_UDP, ...(others.length === 0 && { destinationPort: only }) };
    const isWanted = ({ original: { destination, destinationPort = 0 } }: Flow) => {
      const addresses = wanted.get(destinationPort);
      if (addresses === undefined) {
        return false;
      }
      if (addresses.has(destination)) {
        return true;
      }
      local ??= localAddresses(sys);
      return addresses.has(undefined) && (local.has(destination) || destination.startsWith('127.'));
    };
    conntrack.delete(family, isWanted, filter);
  }
}

/** Returns the node's addresses, without those that kube-proxy in ipvs mode holds for Services. */
function localAddresses(sys: Sys): Set<string> {
  const route = openRtnetlink({ sys });
  try {
    const services = route.link({ name: 'kube-ipvs0' })?.index;
    const own = route.addresses().filter(({ index }) => index !== services);
    return new Set(own.map(({ address }) => withoutLength(address)));
  } finally {
    route.close();
  }
}
