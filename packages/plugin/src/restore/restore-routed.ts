/** Restores the parts of a running pod of the layout `routed` that another program removed. */
import type { Context, Result } from '@cnikit/cni-spec';
import type { Request } from '@cnikit/netlink';
import { openRtnetlink, setLink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { hostLength, withoutLength } from '../lib/prefix.ts';
import { sendNeighbours } from '../links/host-neighbours.ts';
import { hostVethName } from '../links/names.ts';
import { blockOf } from '../links/pod-groups.ts';
import { findIfb, groupOf } from '../plugins/bandwidth/ifb.ts';
import type { BridgeSettings } from '../plugins/bridge/settings.ts';
import { GATEWAYS, hostEndRequests, hostNeighbours } from '../plugins/routed/add.ts';
import { answerForPod } from '../plugins/routed/bridge-proxy.ts';
import {
  filterAddress,
  filterOf,
  filtersStrictly,
  hostGroupOf,
  mayUseForeignSources,
  type RoutedSettings,
} from '../plugins/routed/foreign-sources.ts';
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
    host.batch(hostEndRequests({ index: link.index, group: link.group }, missing));
    if (podMac !== undefined) {
      sendNeighbours(host, hostNeighbours(link.index, podMac, missing));
    }
    return ['routes'];
  } finally {
    host.close();
  }
}

/**
 * Restores the guard against foreign source addresses, and the link group that it reads. A pod that may send foreign
 * addresses gets its loose `rp_filter` again.
 */
export function restoreSourceGuard(sys: Sys, context: Context<RoutedSettings>): RestoredPart[] {
  const { conf, containerID, ifName } = context;
  const attachment = { network: conf.network, containerID, ifName };
  const host = openRtnetlink({ sys });
  try {
    const link = host.link({ name: hostVethName(conf.network, containerID, ifName) });
    if (link === undefined) {
      return [];
    }
    // As ADD has decided: the record has its configuration.
    const group = hostGroupOf(context);
    const requests: Request[] = [];
    if (blockOf(link.group) !== group) {
      // DEL deletes a `bandwidth` device and the host end by their common group.
      const ifb = findIfb(host, attachment);
      const common = ifb && groupOf(ifb, group);
      requests.push(setLink({ index: link.index, group: common ?? group }));
      if (ifb !== undefined && common !== undefined) {
        requests.push(setLink({ index: ifb.index, group: common }));
      }
    }
    if (mayUseForeignSources({ group }) && filtersStrictly(sys, host, link)) {
      requests.push(
        setLink({ index: link.index, ipv4Conf: { rpFilter: filterOf(group) } }),
        ...filterAddress(link.index, group, GATEWAYS.ipv4),
      );
    }
    if (requests.length === 0 && sourceGuardDifferences(sys, { group }).length === 0) {
      return [];
    }
    host.batch(requests);
    ensureSourceGuard(sys, { group });
    return ['source guard'];
  } finally {
    host.close();
  }
}
