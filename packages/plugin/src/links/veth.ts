/** Creation of the veth pair with one message: the host end may be a bridge port and up, the pod's end has its final name. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { NetlinkError, type Request } from '@cnikit/netlink';
import { deviceIndex, newLink, type RtnetlinkCore, Template } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import type { PodNamespace } from '../netns/pod-namespace.ts';
import { ignoreRouterAdvertisements } from '../netns/router-advertisements.ts';
import { deleteHostEnd } from './attachment-links.ts';
import { GROUP, HOST_NAME, INDEX, MAC, MASTER, MTU, PEER_MAC, POD_NAME } from './examples.ts';
import { MAC_BYTES, ownMac } from './mac.ts';

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
  hostMac: string;
  /** Index inside the pod's namespace. */
  podIndex: number;
  podMac: string;
  /**
   * Reads the index of the host end.
   *
   * @throws {CniError} 11 when another program has deleted it
   */
  hostIndex(): number;
}

/** Values of a request for a pair. */
type PairValues = {
  name: string;
  mac: string;
  up: boolean;
  /** 0 = the kernel's default. */
  mtu: number;
  master: number;
  group: number;
  peerName: string;
  peerMac: string;
  netns: number;
};

/**
 * Creates the pair.
 *
 * @throws {CniError} 999 when either name is taken (SPEC, ADD: an interface of that name exists)
 */
export function createVethPair(route: RtnetlinkCore, sys: Sys, plan: VethPlan): VethPair {
  const random = sys.randomBytes(2 * MAC_BYTES);
  const { hostName, hostMac = ownMac(random, 0), mac: podMac = ownMac(random, MAC_BYTES) } = plan;
  make(route, sys, plan, {
    name: hostName,
    mac: hostMac,
    up: !plan.down,
    mtu: plan.mtu,
    master: plan.master ?? 0,
    group: plan.group ?? 0,
    peerName: plan.ifName,
    peerMac: podMac,
    netns: plan.pod.fd,
  });
  try {
    // The pod's end is still down, so no advertisement can arrive earlier.
    ignoreRouterAdvertisements(sys, hostName, true);
    const podIndex = indexOf(plan.pod.route, plan.ifName);
    return { hostName, hostMac, podMac, podIndex, hostIndex: () => indexOf(route, hostName) };
  } catch (error) {
    deleteHostEnd(sys, hostName);
    throw error;
  }
}

function newPair({ name, mac, up, mtu, master, group, peerName, peerMac, netns }: PairValues): Request {
  const both = { ...QUEUES, ...(mtu > 0 ? { mtu } : {}) };
  return newLink({
    kind: 'veth',
    name,
    mac,
    up,
    ...(master > 0 ? { master } : {}),
    ...(group > 0 ? { group } : {}),
    ...both,
    // The peer must not carry IFF_UP in this message: the kernel returns ENOTCONN.
    peer: { name: peerName, mac: peerMac, netns, ...both },
  });
}

const templateOf = (shape: Pick<PairValues, 'mtu' | 'master' | 'group'>) => {
  const names = { name: HOST_NAME, mac: MAC, peerName: POD_NAME, peerMac: PEER_MAC, netns: INDEX };
  return new Template<PairValues>(newPair, { ...names, up: true, ...shape });
};
const PORT = templateOf({ mtu: 0, master: MASTER, group: 0 });
const PORT_WITH_MTU = templateOf({ mtu: MTU, master: MASTER, group: 0 });
const ROUTED = templateOf({ mtu: 0, master: 0, group: GROUP });

/** Returns the request for a pair. */
export function pairRequest(values: PairValues): Request {
  const { mtu, master, group } = values;
  if (master > 0 && group === 0) {
    return (mtu > 0 ? PORT_WITH_MTU : PORT).fill(values);
  }
  return master === 0 && group > 0 && mtu === 0 ? ROUTED.fill(values) : newPair(values);
}

function make(route: RtnetlinkCore, sys: Sys, { hostName, ifName }: VethPlan, values: PairValues): void {
  try {
    route.request(pairRequest(values));
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

function indexOf(route: RtnetlinkCore, name: string): number {
  const index = deviceIndex(route, name);
  if (index === undefined) {
    throw new CniError(ErrorCode.TryAgainLater, `Link ${name} disappeared during setup`);
  }
  return index;
}
