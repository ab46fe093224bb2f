import { NetlinkError, type Request } from '@cnikit/netlink';
import { RTM_NEWNEIGH } from '@cnikit/netlink/constants';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';

/**
 * Sends the requests that make the node reach a pod. Ignores neighbours that the kernel has no room for: its table has
 * `gc_thresh3` entries for all namespaces together, and the node asks the pod when it needs one.
 *
 * @throws {NetlinkError} the first other failure
 */
export function sendHostEnd(host: Pick<RtnetlinkCore, 'batch'>, requests: readonly Request[]): void {
  try {
    host.batch(requests);
  } catch (error) {
    if (!(error instanceof NetlinkError)) {
      throw error;
    }
    const [first] = [error, ...error.failures].filter((one) => !isFullTable(one));
    if (first !== undefined) {
      throw first;
    }
  }
}

const isFullTable = ({ code, request }: NetlinkError): boolean =>
  code === 'ENOBUFS' && request?.type === RTM_NEWNEIGH;
