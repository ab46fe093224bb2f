import type { Request } from '@cnikit/netlink';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';

/**
 * Sends the requests for the node's neighbours of a pod. Ignores those that the kernel has no room for: its table has
 * `gc_thresh3` entries for all namespaces together, and the node asks the pod when it needs one.
 *
 * @throws {NetlinkError} the first other failure
 */
export function sendNeighbours(
  host: Pick<RtnetlinkCore, 'batchSettled'>,
  requests: readonly Request[],
): void {
  const failure = host.batchSettled(requests).find(({ code }) => code !== 'ENOBUFS');
  if (failure !== undefined) {
    throw failure;
  }
}
