/** The queueing disciplines of a pod's link, seen from the node. */

import { CniError, ErrorCode, type Interface } from '@cnikit/cni-spec';
import {
  delLink,
  delQdisc,
  type Link,
  type LinkRef,
  NetlinkError,
  newFilter,
  newLink,
  newQdisc,
  openRtnetlink,
  type Request,
  type RtnetlinkConnection,
  setLink,
} from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import type { HostEnd } from '../../attachment/feature.ts';
import { type Attachment, ifbName } from '../../links/ifb-name.ts';
import { groupOf, ifbMac } from './ifb.ts';
import type { Limits } from './settings.ts';
import type { TokenBucket } from './token-bucket.ts';

/** `1:`, the reference's. */
const HANDLE = 0x10000;
/** Packets; the reference's least. */
const QUEUE_LENGTH = 1000;

/**
 * Shapes what passes the host end: what goes to the pod there, what comes from it at a device that its packets are
 * redirected to. When the kernel refuses a part, the others are taken back.
 *
 * @param grouped whether DEL is to delete device and host end together, for which they get a group of theirs
 * @returns the device, when there is a limit for what the pod sends
 * @throws NetlinkError EEXIST when the pod is shaped already
 */
export function shape(
  sys: Sys,
  route: RtnetlinkConnection,
  host: HostEnd,
  attachment: Attachment,
  { ingress, egress }: Limits,
  grouped: boolean,
): Interface | undefined {
  const steps: Step[] = [];
  if (ingress !== undefined) {
    steps.push({ request: bucketOn(host, ingress), undo: delQdisc({ index: host.index, handle: HANDLE }) });
  }
  // The one thing that has to be known before all else can be asked for at once is the device's index.
  const ifb = egress === undefined ? undefined : createIfb(sys, route, attachment, host.mtu);
  if (ifb !== undefined && egress !== undefined) {
    const { index } = host;
    const id = grouped ? groupOf(ifb) : undefined;
    const group = id === undefined ? undefined : { group: id };
    steps.push(
      // Before it is up: where packets may pass already, the kernel would wait for all processors to be done with them.
      { request: bucketOn(ifb, egress) },
      { request: setLink({ index: ifb.index, up: true, ...group }) },
      ...(group === undefined ? [] : [{ request: setLink({ index, ...group }) }]),
      { request: newQdisc({ index, kind: 'ingress' }), undo: delQdisc({ index, kind: 'ingress' }) },
      { request: newFilter({ index, redirect: ifb.index, priority: 1 }) },
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

/** The device that what the pod sends passes. */
type Device = Required<Pick<Link, 'name' | 'mac' | 'index'>>;

interface Step {
  request: Request;
  undo?: Request;
}

function bucketOn({ index }: Pick<Link, 'index'>, bucket: TokenBucket): Request {
  return newQdisc({ index, kind: 'tbf', handle: HANDLE, ...bucket });
}

function createIfb(sys: Sys, route: RtnetlinkConnection, attachment: Attachment, mtu: number): Device {
  const name = ifbName(attachment);
  const mac = ifbMac(sys, attachment.network);
  try {
    route.request(newLink({ kind: 'ifb', name, mac, mtu, txQueueLength: QUEUE_LENGTH }));
    const index = route.deviceIndex(name);
    if (index !== undefined) {
      return { name, mac, index };
    }
  } catch (error) {
    // The answer may have been lost, and not the request.
    if (!isRefusal(error)) {
      takeBack(sys, [], error, { name });
    }
    throw error;
  }
  throw new CniError(ErrorCode.TryAgainLater, `Link ${name} vanished while it was set up`);
}

/** Takes back the device, and what was done of the steps, all if that is not known, by a connection that has not failed. */
function takeBack(sys: Sys, steps: readonly Step[], error: unknown, ifb?: LinkRef): void {
  const failures = isRefusal(error) ? error.failures : [];
  const done = steps.filter((_, at) => !failures.some(({ index }) => index === at));
  try {
    const route = openRtnetlink({ sys });
    route.batchSettled([...done.flatMap(({ undo }) => undo ?? []), ...(ifb ? [delLink(ifb)] : [])]);
    route.close();
  } catch {
    // The error that led here is the one to report; DEL comes after it.
  }
}

/** Whether the kernel has said no, and the conversation with it not failed. */
function isRefusal(error: unknown): error is NetlinkError {
  return error instanceof NetlinkError && error.cause === undefined;
}
