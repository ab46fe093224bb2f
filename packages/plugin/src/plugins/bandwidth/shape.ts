/** The queueing disciplines of a pod's link, on the node's side. */
import { CniError, ErrorCode, type Interface } from '@cnikit/cni-spec';
import {
  delLink,
  delQdisc,
  type Link,
  type LinkRef,
  NetlinkError,
  newFilter,
  newQdisc,
  type Request,
} from '@cnikit/netlink';
import {
  deviceIndex,
  newLink,
  openRtnetlink,
  type RtnetlinkCore,
  setLink,
  Template,
} from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import type { HostEnd } from '../../attachment/feature.ts';
import { GROUP, HOST_NAME, INDEX, MAC, MASTER, MTU } from '../../links/examples.ts';
import { furtherIfbName, type InterfaceAttachment, ifbName } from '../../links/ifb-name.ts';
import { groupOf, ifbMac, isOfOtherInterface } from './ifb.ts';
import type { Limits } from './settings.ts';
import type { TokenBucket } from './token-bucket.ts';

/** The handle `1:`, as upstream. */
const HANDLE = 0x10000;
/** In packets: upstream's minimum. */
const QUEUE_LENGTH = 1000;

/**
 * Shapes the packets that pass the host end: packets to the pod at the host end itself, packets from the pod at a device
 * that they are redirected to. When the kernel refuses one part, the others are undone.
 *
 * @param grouped puts device and host end into their own link group, so that DEL can delete both at once
 * @returns the device, when packets from the pod have a limit
 * @throws {NetlinkError} EEXIST when the pod is shaped already
 */
export function shape(
  sys: Sys,
  route: RtnetlinkCore,
  host: HostEnd,
  attachment: InterfaceAttachment,
  { ingress, egress }: Limits,
  grouped: boolean,
): Interface | undefined {
  const steps: Step[] = [];
  const { index } = host;
  if (ingress !== undefined) {
    steps.push({ request: bucketOn(host, ingress), undo: () => delQdisc({ index, handle: HANDLE }) });
  }
  // All other requests form one batch, which needs the device's index.
  const ifb = egress === undefined ? undefined : createIfb(sys, route, attachment, host.mtu);
  if (ifb !== undefined && egress !== undefined) {
    const group = grouped ? groupOf(ifb, host.group) : undefined;
    // The device is still down: on a link that is up, the kernel would wait for an RCU grace period.
    steps.push({ request: bucketOn(ifb, egress) }, { request: UP.fill({ index: ifb.index, group }) });
    if (group !== undefined) {
      steps.push({ request: GROUPED.fill({ index, group }) });
    }
    steps.push(
      { request: INGRESS.fill({ index }), undo: () => delQdisc({ index, kind: 'ingress' }) },
      { request: REDIRECTION.fill({ index, redirect: ifb.index }) },
    );
  }
  try {
    route.batch(steps.map(({ request }) => request));
  } catch (error) {
    takeBack(sys, steps, error, ifb);
    throw error;
  }
  return ifb && { name: ifb.name, mac: ifb.mac };
}

/** The device for packets from the pod. */
type Device = Required<Pick<Link, 'name' | 'mac' | 'index'>>;

interface Step {
  request: Request;
  undo?: () => Request;
}

/** The burst is in the buffer, and is not sent. */
const BUCKET = new Template((of) => newQdisc({ kind: 'tbf', handle: HANDLE, burst: 1, ...of }), {
  index: INDEX,
  rate: GROUP,
  buffer: MASTER,
  limit: MTU,
});
const DEVICE = new Template((of) => newLink({ kind: 'ifb', txQueueLength: QUEUE_LENGTH, ...of }), {
  name: HOST_NAME,
  mac: MAC,
  mtu: MTU,
});
const UP = new Template<{ index: number; group: number | undefined }>(
  ({ index, group }) => setLink({ index, up: true, ...(group === undefined ? {} : { group }) }),
  { index: INDEX, group: GROUP },
);
const GROUPED = new Template((of) => setLink(of), { index: INDEX, group: GROUP });
const INGRESS = new Template(({ index }) => newQdisc({ index, kind: 'ingress' }), { index: INDEX });
const REDIRECTION = new Template((of) => newFilter({ priority: 1, ...of }), {
  index: INDEX,
  redirect: MASTER,
});

function bucketOn({ index }: Pick<Link, 'index'>, { rate, buffer, limit }: TokenBucket): Request {
  return BUCKET.fill({ index, rate, buffer, limit });
}

function createIfb(sys: Sys, route: RtnetlinkCore, attachment: InterfaceAttachment, mtu: number): Device {
  try {
    return createNamed(sys, route, ifbName(attachment), attachment, mtu);
  } catch (error) {
    const isTaken = isRefusal(error) && error.code === 'EEXIST';
    const other = isTaken ? route.link({ name: ifbName(attachment) }) : undefined;
    if (other === undefined || !isOfOtherInterface(other, attachment)) {
      throw error;
    }
    return createNamed(sys, route, furtherIfbName(attachment), attachment, mtu);
  }
}

function createNamed(
  sys: Sys,
  route: RtnetlinkCore,
  name: string,
  { network, ifName }: InterfaceAttachment,
  mtu: number,
): Device {
  const mac = ifbMac(network, ifName);
  try {
    route.request(DEVICE.fill({ name, mac, mtu }));
    const index = deviceIndex(route, name);
    if (index !== undefined) {
      return { name, mac, index };
    }
  } catch (error) {
    // The reply was lost, but the kernel may have handled the request.
    if (!isRefusal(error)) {
      takeBack(sys, [], error, { name });
    }
    throw error;
  }
  throw new CniError(ErrorCode.TryAgainLater, `Link ${name} disappeared during setup`);
}

/** Deletes the device and undoes the completed steps, or all when they are unknown, with a new connection. */
function takeBack(sys: Sys, steps: readonly Step[], error: unknown, ifb?: LinkRef): void {
  const failures = isRefusal(error) ? error.failures : [];
  const done = steps.filter((_, at) => !failures.some(({ index }) => index === at));
  try {
    const route = openRtnetlink({ sys });
    route.batchSettled([...done.flatMap(({ undo }) => undo?.() ?? []), ...(ifb ? [delLink(ifb)] : [])]);
    route.close();
  } catch {
    // Report the error that led here. DEL cleans up later.
  }
}

/** Returns true when the kernel refused the request, and false when the connection failed. */
function isRefusal(error: unknown): error is NetlinkError {
  return error instanceof NetlinkError && error.cause === undefined;
}
