/** The veth pair, by one message: host end up and enslaved, the other end in the pod under its final name. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { NetlinkError, newLink, type RouteConnection } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { deleteHostEnd } from './attachment-links.ts';
import { randomMac } from './mac.ts';

/** What to make. */
export interface VethPlan {
  hostName: string;
  ifName: string;
  /** Descriptor of the pod's namespace. */
  netns: number;
  /** In bytes; 0 is the kernel's default. */
  mtu: number;
  /** Of the pod's end; random if absent. */
  mac?: string | undefined;
  /** Index of the bridge that the host end is a port of. */
  master?: number;
}

/** Both ends as they were made. */
export interface VethPair {
  hostName: string;
  hostMac: string;
  podMac: string;
}

/**
 * Makes the pair.
 *
 * @throws CniError 999 when either name is taken (SPEC, ADD: an interface of that name exists)
 */
export function createVethPair(route: RouteConnection, sys: Sys, plan: VethPlan): VethPair {
  const { hostName, ifName, netns, master } = plan;
  const mtu = plan.mtu > 0 ? { mtu: plan.mtu } : {};
  const pair = { hostName, hostMac: randomMac(sys), podMac: plan.mac ?? randomMac(sys) };
  try {
    route.request(
      newLink({
        kind: 'veth',
        name: hostName,
        mac: pair.hostMac,
        up: true,
        ...(master === undefined ? {} : { master }),
        ...mtu,
        // The peer must not carry IFF_UP in this message: the kernel answers ENOTCONN.
        peer: { name: ifName, mac: pair.podMac, netns, ...mtu },
      }),
    );
  } catch (error) {
    const refused = error instanceof NetlinkError && error.cause === undefined;
    // The answer may have been lost, and not the request.
    if (!refused) deleteHostEnd(sys, hostName);
    if (!refused || error.code !== 'EEXIST') throw error;
    throw new CniError(
      ErrorCode.Internal,
      `Container veth name provided (${ifName}) already exists in the container, or ${hostName} on the node`,
      'DEL the attachment before it is added again',
    );
  }
  return pair;
}
