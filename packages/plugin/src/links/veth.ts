/** Creation of the veth pair with one message: the host end may be a bridge port and up, the pod's end has its final name. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { type LinkSpec, NetlinkError } from '@cnikit/netlink';
import { deviceIndex, newLink, type RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import type { PodNamespace } from '../netns/pod-namespace.ts';
import { ignoreRouterAdvertisements } from '../netns/router-advertisements.ts';
import { deleteHostEnd } from './attachment-links.ts';
import { randomMac } from './mac.ts';

/**
 * Queues of each end. By default the kernel creates one for each possible processor, with two directories below /sys
 * each. That takes a third of the time of creating a pair on two processors, and more on larger machines. Only XDP and
 * GRO on the veth use several queues; otherwise packets stay on their processor.
 */
const QUEUES = { txQueues: 1, rxQueues: 1 };

/** The pair to create. */
export interface VethPlan {
  hostName: string;
  ifName: string;
  pod: PodNamespace;
  /** In bytes; 0 = the kernel's default. */
  mtu: number;
  /** MAC address of the pod's end; random if absent. */
  mac?: string | undefined;
  /** MAC address of the host end; random if absent. */
  hostMac?: string | undefined;
  /** Link group of the host end. */
  group?: number | undefined;
  /** Index of the bridge for the host end. */
  master?: number;
  /** Leaves the host end down. */
  down?: boolean;
}

/** Both ends of a created pair. */
export interface VethPair {
  hostName: string;
  hostIndex: number;
  hostMac: string;
  /** Index inside the pod's namespace. */
  podIndex: number;
  podMac: string;
}

type VethSpec = LinkSpec & { kind: 'veth' };

/**
 * Creates the pair.
 *
 * @throws {CniError} 999 when either name is taken (SPEC, ADD: an interface of that name exists)
 */
export function createVethPair(route: RtnetlinkCore, sys: Sys, plan: VethPlan): VethPair {
  const { hostName, ifName, pod, master } = plan;
  const both = { ...QUEUES, ...(plan.mtu > 0 ? { mtu: plan.mtu } : {}) };
  const macs = { hostMac: plan.hostMac ?? randomMac(sys), podMac: plan.mac ?? randomMac(sys) };
  const spec: VethSpec = {
    kind: 'veth',
    name: hostName,
    mac: macs.hostMac,
    up: !plan.down,
    master,
    group: plan.group,
    ...both,
    // The peer must not carry IFF_UP in this message: the kernel returns ENOTCONN.
    peer: { name: ifName, mac: macs.podMac, netns: pod.fd, ...both },
  };
  make(route, sys, spec, plan);
  try {
    // The pod's end is still down, so no advertisement can arrive earlier.
    ignoreRouterAdvertisements(sys, hostName, true);
    return { hostName, ...macs, ...indexes(route, plan) };
  } catch (error) {
    deleteHostEnd(sys, hostName);
    throw error;
  }
}

function make(route: RtnetlinkCore, sys: Sys, spec: VethSpec, { hostName, ifName }: VethPlan): void {
  try {
    route.request(newLink(spec));
  } catch (error) {
    const refused = error instanceof NetlinkError && error.cause === undefined;
    // The reply was lost, but the kernel may have handled the request.
    if (!refused) {
      deleteHostEnd(sys, hostName);
    }
    if (!refused || error.code !== 'EEXIST') {
      throw error;
    }
    throw new CniError(
      ErrorCode.Internal,
      `Container veth name provided (${ifName}) already exists in the container, or ${hostName} on the node`,
      'Delete the attachment before adding it again',
    );
  }
}

/** Reads the indexes of the new ends. */
function indexes(
  route: RtnetlinkCore,
  { hostName, ifName, pod }: VethPlan,
): Pick<VethPair, 'hostIndex' | 'podIndex'> {
  const hostIndex = deviceIndex(route, hostName);
  const podIndex = deviceIndex(pod.route, ifName);
  if (hostIndex !== undefined && podIndex !== undefined) {
    return { hostIndex, podIndex };
  }
  throw new CniError(ErrorCode.TryAgainLater, `Link ${hostName} disappeared during setup`);
}
