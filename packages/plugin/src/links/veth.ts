/** The veth pair, by one message: host end enslaved and as a rule up, the other end in the pod under its final name. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { type LinkSpec, NetlinkError, newLink, type RtnetlinkConnection } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import type { PodNamespace } from '../netns/pod-namespace.ts';
import { ignoreRouterAdvertisements } from '../netns/router-advertisements.ts';
import { deleteHostEnd } from './attachment-links.ts';
import { randomMac } from './mac.ts';

/**
 * Of each end. The kernel's default is as many as the machine may have processors, with two directories below /sys for
 * each, which takes a third of the time of making the pair on two processors, and more on more. They serve XDP and GRO
 * on a veth only; without these, packets stay on their processor whatever there is.
 */
const QUEUES = { txQueues: 1, rxQueues: 1 };

/** What to make. */
export interface VethPlan {
  hostName: string;
  ifName: string;
  pod: PodNamespace;
  /** In bytes; 0 is the kernel's default. */
  mtu: number;
  /** Of the pod's end; random if absent. */
  mac?: string | undefined;
  /** Index of the bridge that the host end is a port of. */
  master?: number;
  /** Leaves the host end down. */
  down?: boolean;
}

/** Both ends as they were made. */
export interface VethPair {
  hostName: string;
  hostIndex: number;
  hostMac: string;
  /** Inside of the pod's namespace. */
  podIndex: number;
  podMac: string;
}

/**
 * Makes the pair.
 *
 * @throws CniError 999 when either name is taken (SPEC, ADD: an interface of that name exists)
 */
export function createVethPair(route: RtnetlinkConnection, sys: Sys, plan: VethPlan): VethPair {
  const { hostName, ifName, pod, master } = plan;
  const both = { ...QUEUES, ...(plan.mtu > 0 ? { mtu: plan.mtu } : {}) };
  const macs = { hostMac: randomMac(sys), podMac: plan.mac ?? randomMac(sys) };
  const spec: LinkSpec = {
    kind: 'veth',
    name: hostName,
    mac: macs.hostMac,
    up: !plan.down,
    ...(master === undefined ? {} : { master }),
    ...both,
    // The peer must not carry IFF_UP in this message: the kernel answers ENOTCONN.
    peer: { name: ifName, mac: macs.podMac, netns: pod.fd, ...both },
  };
  make(route, sys, spec, plan);
  try {
    // The pod's end is still down, so no advertisement can arrive earlier.
    ignoreRouterAdvertisements(sys, hostName);
    return { hostName, ...macs, ...indexes(route, plan) };
  } catch (error) {
    deleteHostEnd(sys, hostName);
    throw error;
  }
}

function make(route: RtnetlinkConnection, sys: Sys, spec: LinkSpec, { hostName, ifName }: VethPlan): void {
  try {
    route.request(newLink(spec));
  } catch (error) {
    const refused = error instanceof NetlinkError && error.cause === undefined;
    // The answer may have been lost, and not the request.
    if (!refused) {
      deleteHostEnd(sys, hostName);
    }
    if (!refused || error.code !== 'EEXIST') {
      throw error;
    }
    throw new CniError(
      ErrorCode.Internal,
      `Container veth name provided (${ifName}) already exists in the container, or ${hostName} on the node`,
      'DEL the attachment before it is added again',
    );
  }
}

/** Of the ends that were made just now. */
function indexes(
  route: RtnetlinkConnection,
  { hostName, ifName, pod }: VethPlan,
): Pick<VethPair, 'hostIndex' | 'podIndex'> {
  const hostIndex = route.deviceIndex(hostName);
  const podIndex = pod.route.deviceIndex(ifName);
  if (hostIndex !== undefined && podIndex !== undefined) {
    return { hostIndex, podIndex };
  }
  throw new CniError(ErrorCode.TryAgainLater, `Link ${hostName} vanished while it was set up`);
}
