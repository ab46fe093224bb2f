/** Restores the parts of a running pod of the layout `routed` that another program removed. */
import type { Context, Result } from '@cnikit/cni-spec';
import { openRtnetlink, setLink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { hostLength, withoutLength } from '../lib/prefix.ts';
import { sendHostEnd } from '../links/host-end-requests.ts';
import { hostVethName } from '../links/names.ts';
import type { BridgeSettings } from '../plugins/bridge/settings.ts';
import { hostEndRequests } from '../plugins/routed/add.ts';
import { answerForPod } from '../plugins/routed/bridge-proxy.ts';
import { ensureSourceGuard, sourceGuardDifferences } from '../plugins/routed/source-guard.ts';
import { ownIps, type RestoredPart } from './restore-bridge.ts';

/** Restores the routes to the pod, and the answers of the bridge, if there is one, for its addresses. */
export function restoreRoutes(
  sys: Sys,
  context: Context<BridgeSettings>,
  prevResult: Result,
): RestoredPart[] {
  const { conf, containerID, ifName } = context;
  const host = openRtnetlink({ sys });
  try {
    const link = host.link({ name: hostVethName(conf.network, containerID, ifName) });
    if (link === undefined) {
      return [];
    }
    const ips = ownIps(context, prevResult);
    answerForPod(sys, host, conf.bridge, ips);
    const routes = host.routes({ oif: link.index }).map(({ dst }) => dst);
    const missing = ips.filter(
      ({ address }) => !routes.includes(`${withoutLength(address)}/${hostLength(address)}`),
    );
    if (link.up && missing.length === 0) {
      return [];
    }
    const podMac = prevResult.interfaces?.find(({ name, sandbox }) => name === ifName && sandbox)?.mac;
    sendHostEnd(host, [
      setLink({ index: link.index, up: true }),
      ...hostEndRequests({ hostIndex: link.index, podMac }, missing),
    ]);
    return ['routes'];
  } finally {
    host.close();
  }
}

/** Restores the guard against foreign source addresses. */
export function restoreSourceGuard(sys: Sys): RestoredPart[] {
  if (sourceGuardDifferences(sys).length === 0) {
    return [];
  }
  ensureSourceGuard(sys);
  return ['source guard'];
}
