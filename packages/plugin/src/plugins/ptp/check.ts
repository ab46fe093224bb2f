import type { Context, Result } from '@cnikit/cni-spec';
import type { Link } from '@cnikit/netlink';
import { openRtnetlink, type RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import {
  ownAddresses,
  podDifferences,
  reportDifferences,
  requiredPrevResult,
} from '../../attachment/check-state.ts';
import { openIpam } from '../../ipam/ipam.ts';
import { hostLength, withoutLength } from '../../lib/prefix.ts';
import { findHostEnd } from '../../links/host-end.ts';
import { macDifferences } from '../../links/mac-differences.ts';
import { masqueradeMissing } from '../../nat/masquerade.ts';
import { openPodNamespace } from '../../netns/pod-namespace.ts';
import type { PairSettings } from './attach-pair.ts';

/** Returns further differences of a host end. */
type MoreDifferences = (host: RtnetlinkCore, link: Link) => string[];

/**
 * Runs CHECK: compares prevResult with the kernel and IPAM, and reports all differences.
 *
 * @param more returns further differences of a host end that exists
 */
export function checkPair(sys: Sys, context: Context<PairSettings>, more: MoreDifferences = () => []): void {
  const { netns } = context;
  const prevResult = requiredPrevResult(context);
  const own = ownAddresses(prevResult, context);
  openIpam(sys, context)?.check(own);
  const pod = openPodNamespace(sys, netns);
  try {
    reportDifferences(context, [
      ...hostDifferences(sys, pod.route, context, prevResult, own, more),
      ...masqueradeMissing(sys, context, own),
      ...podDifferences(pod.route, context, prevResult, own),
    ]);
  } finally {
    pod.close();
  }
}

function hostDifferences(
  sys: Sys,
  pod: RtnetlinkCore,
  { conf: { network }, containerID, ifName }: Context<PairSettings>,
  prevResult: Result,
  addresses: readonly string[],
  more: MoreDifferences,
): string[] {
  const host = openRtnetlink({ sys });
  try {
    const attachment = { network, containerID, ifName };
    const { name: hostName, link } = findHostEnd(host, pod, attachment, prevResult.interfaces ?? []);
    if (link === undefined) {
      return [`host interface ${hostName} is missing`];
    }
    const differences = link.up ? [] : [`host interface ${hostName} is down`];
    const routes = host.routes({ oif: link.index }).map(({ dst }) => dst);
    for (const address of addresses) {
      const dst = `${withoutLength(address)}/${hostLength(address)}`;
      if (!routes.includes(dst)) {
        differences.push(`route to ${dst} by ${hostName} is missing on the node`);
      }
    }
    return [...differences, ...macDifferences(host, prevResult), ...more(host, link)];
  } finally {
    host.close();
  }
}
