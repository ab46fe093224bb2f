import { CniError, type Context, ErrorCode, type Result } from '@cnikit/cni-spec';
import type { Link } from '@cnikit/netlink';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import type { HostEnd } from '../../attachment/feature.ts';
import { hostVethName } from '../../links/names.ts';
import { openPodNamespace } from '../../netns/pod-namespace.ts';

/**
 * Finds the host end in the result of the previous plugins: by its name when cnikit created it, otherwise as the peer of
 * the pod's interface.
 *
 * @throws {CniError} with upstream's message, when there is no host end
 */
export function hostEnd(
  sys: Sys,
  route: RtnetlinkCore,
  { conf: { network }, containerID, ifName, netns }: Context<{ network: string }>,
  { interfaces = [] }: Result,
): HostEnd {
  if (interfaces.length === 0) {
    throw new CniError(ErrorCode.InvalidNetworkConfig, 'no interfaces provided');
  }
  const onHost = (name: string) => interfaces.some((one) => !one.sandbox && one.name === name);
  const ours = hostVethName(network, containerID, ifName);
  const host = onHost(ours) ? route.link({ name: ours }) : peer(sys, route, netns, ifName);
  if (host !== undefined && onHost(host.name)) {
    return host;
  }
  throw new CniError(
    ErrorCode.Internal,
    'no veth peer of container interface found in host ns',
    'Put this plugin after the one that creates the veth pair',
  );
}

function peer(sys: Sys, route: RtnetlinkCore, netns: string, ifName: string): Link | undefined {
  const pod = openPodNamespace(sys, netns);
  try {
    const link = pod.route.link({ name: ifName });
    if (link?.kind === 'veth' && link.link !== undefined) {
      return route.link({ index: link.link });
    }
  } finally {
    pod.close();
  }
  throw new CniError(
    ErrorCode.Internal,
    `container interface ${ifName} has no veth peer`,
    'Only veth interfaces, as bridge and ptp create them, can be shaped',
  );
}
