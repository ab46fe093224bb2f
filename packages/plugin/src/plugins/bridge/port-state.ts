import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { getLink } from '@cnikit/netlink';
import { attributesAfter, type MessageReader } from '@cnikit/netlink/codec';
import { IF_OPER_UP, IFF_RUNNING, RTM_NEWLINK } from '@cnikit/netlink/constants';
import { deviceFlags, type RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';

const IFINFOMSG_SIZE = 16;
const IFLA_OPERSTATE = 16;
const LIMIT_MS = 3000;
const INTERVAL_MS = 1;

/**
 * Waits until the pod's port carries frames. The pod's end is up already, but a kernel worker notifies the bridge, usually
 * within microseconds. Since Linux 6.13 a request for the link runs the worker immediately.
 *
 * @throws {CniError} 999 when the port does not carry frames within three seconds
 */
export function awaitPort(sys: Sys, route: RtnetlinkCore, hostName: string): void {
  if (((deviceFlags(route, hostName) ?? 0) & IFF_RUNNING) !== 0) {
    return;
  }
  const end = sys.monotonicMs() + LIMIT_MS;
  for (;;) {
    const state = route.connection.query(getLink({ name: hostName }), operState);
    if (state === IF_OPER_UP) {
      return;
    }
    if (sys.monotonicMs() > end) {
      throw new CniError(
        ErrorCode.Internal,
        `bridge port in error state: ${hostName} is not operational (IF_OPER ${state})`,
        'Check whether another program sets the interfaces or the bridge down',
      );
    }
    sys.sleepMs(INTERVAL_MS);
  }
}

/** Decodes only this attribute: a link has some sixty. */
function operState(message: MessageReader): number | undefined {
  if (message.type !== RTM_NEWLINK) {
    return undefined;
  }
  const reader = attributesAfter(message, IFINFOMSG_SIZE, 'ifinfomsg');
  while (reader.next()) {
    if (reader.type === IFLA_OPERSTATE) {
      return reader.u8('IFLA_OPERSTATE');
    }
  }
  return undefined;
}
