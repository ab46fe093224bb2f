import type { Context, Result } from '@cnikit/cni-spec';
import { openRtnetlink, type RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import {
  ownAddresses,
  podDifferences,
  reportDifferences,
  requiredPrevResult,
} from '../../attachment/check-state.ts';
import { openIpam } from '../../ipam/ipam.ts';
import { findHostEnd } from '../../links/host-end.ts';
import { macDifferences } from '../../links/mac-differences.ts';
import { masqueradeMissing } from '../../nat/masquerade.ts';
import { openPodNamespace } from '../../netns/pod-namespace.ts';
import type { BridgeSettings } from './settings.ts';
import { spoofCheckDifferences } from './spoof-check.ts';

/** Runs CHECK: compares prevResult with the kernel and IPAM, and reports all differences. */
export function check(sys: Sys, context: Context<BridgeSettings>): void {
  const { conf, containerID, ifName, netns } = context;
  const prevResult = requiredPrevResult(context);
  const own = ownAddresses(prevResult, context);
  openIpam(sys, context)?.check(own);
  const host = openRtnetlink({ sys });
  const pod = openPodNamespace(sys, netns);
  try {
    reportDifferences(context, [
      ...hostDifferences(host, pod.route, context, prevResult),
      ...macDifferences(host, prevResult),
      ...(conf.macspoofchk ? spoofCheckDifferences(sys, containerID, ifName) : []),
      ...masqueradeMissing(sys, context, own),
      ...podDifferences(pod.route, context, prevResult, own, !conf.disableContainerInterface),
    ]);
  } finally {
    pod.close();
    host.close();
  }
}

function hostDifferences(
  host: RtnetlinkCore,
  pod: RtnetlinkCore,
  { conf, containerID, ifName }: Context<BridgeSettings>,
  { interfaces = [] }: Result,
): string[] {
  const bridge = host.link({ name: conf.bridge });
  const attachment = { network: conf.network, containerID, ifName };
  const { name: hostName, link: veth } = findHostEnd(host, pod, attachment, interfaces, [conf.bridge]);
  const differences: string[] = [];
  if (bridge?.kind !== 'bridge') {
    differences.push(`bridge ${conf.bridge} is missing`);
  } else if (!bridge.up) {
    differences.push(`bridge ${conf.bridge} is down`);
  }
  if (veth === undefined) {
    differences.push(`host interface ${hostName} is missing`);
  } else {
    if (!veth.up) {
      differences.push(`host interface ${hostName} is down`);
    }
    if (veth.master !== bridge?.index) {
      differences.push(`host interface ${hostName} is not a port of ${conf.bridge}`);
    }
  }
  return differences;
}
