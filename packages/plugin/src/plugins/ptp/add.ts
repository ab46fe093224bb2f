import { CniError, type Context, ErrorCode, type IpConfig, type Result } from '@cnikit/cni-spec';
import {
  newAddress,
  newRoute,
  openRtnetlink,
  type RouteSpec,
  type RtnetlinkConnection,
} from '@cnikit/netlink';
import { IFA_F_NOPREFIXROUTE, RT_SCOPE_LINK } from '@cnikit/netlink/constants';
import type { Sys } from '@cnikit/sys';
import { appendResult, chooseDns } from '../../attachment/result.ts';
import { withNextHops } from '../../attachment/routes.ts';
import { undoStack } from '../../attachment/undo.ts';
import { openIpam } from '../../ipam/ipam.ts';
import { hostLength, isIPv6, subnetOf, withoutLength } from '../../lib/prefix.ts';
import { deleteHostEnd } from '../../links/attachment-links.ts';
import { linkLocal } from '../../links/link-local.ts';
import { hostVethName } from '../../links/names.ts';
import { configurePodInterface } from '../../links/pod-interface.ts';
import { createVethPair, type VethPair } from '../../links/veth.ts';
import { addMasquerade, undoMasquerade } from '../../nat/masquerade.ts';
import { ensureForwarding } from '../../netns/forwarding.ts';
import { openPodNamespace } from '../../netns/pod-namespace.ts';
import type { PtpSettings } from './settings.ts';

type RoutedAddress = IpConfig & { gateway: string };

/**
 * Runs ADD: creates a veth pair, addresses, and routes that send all traffic of the pod through the node. When a step
 * fails, the previous steps are undone.
 *
 * @returns interfaces in upstream's order: host end, pod's end. `ips[].interface` points to the pod's end
 */
export function add(sys: Sys, context: Context<PtpSettings>): Result {
  const { conf, containerID, ifName, netns, prevResult, mark } = context;
  const ipam = openIpam(sys, context);
  if (ipam === undefined) {
    throw missing('Missing field ipam', 'ptp routes addresses: set ipam.type');
  }
  const pod = openPodNamespace(sys, netns);
  const host = openRtnetlink({ sys });
  mark?.('netns');
  const undo = undoStack();
  try {
    // The pair comes before the addresses: a second ADD of an attachment fails here and undoes nothing of the first.
    const hostName = hostVethName(conf.network, containerID, ifName);
    const pair = createVethPair(host, sys, { hostName, ifName, pod, mtu: conf.mtu });
    undo.push(() => void deleteHostEnd(sys, hostName));
    mark?.('veth');

    const given = ipam.add();
    undo.push(() => ipam.del());
    mark?.('ipam');
    const ips = given.ips.map(routed);
    ensureForwarding(sys, ips);
    configureHostEnd(host, pair, ips);
    mark?.('host');
    // Rules come first: the pod cannot send yet.
    if (conf.ipMasq) {
      undo.push(() => undoMasquerade(sys, context, ips));
      addMasquerade(sys, context, { ips });
      mark?.('rules');
    }
    configurePodInterface(sys, pod.route, {
      ifName,
      index: pair.podIndex,
      netns,
      mac: pair.podMac,
      addresses: ips.map(({ address }) => address),
      addressFlags: IFA_F_NOPREFIXROUTE,
      linkRoutes: (index) => ips.flatMap((ip) => routesToGateway(index, ip)),
      routes: withNextHops(given.routes, ips),
    });
    mark?.('addresses');
    const own: Result = {
      interfaces: [
        { name: hostName, mac: pair.hostMac },
        { name: ifName, mac: pair.podMac, sandbox: netns },
      ],
      ips: ips.map((ip) => ({ ...ip, interface: 1 })),
      routes: [...given.routes],
      ...chooseDns(conf.raw, given.dns),
    };
    return appendResult(prevResult, own);
  } catch (error) {
    undo.run();
    throw error;
  } finally {
    host.close();
    pod.close();
  }
}

/**
 * Returns the routes of the pod that other routes need: the gateway is on-link, and the pod's subnet is behind the
 * gateway. A veth is not a point-to-point link: without them the pod would send ARP requests for its neighbours, and
 * only the node is on that link.
 */
function routesToGateway(oif: number, { address, gateway }: RoutedAddress): RouteSpec[] {
  const src = withoutLength(address);
  return [
    { dst: `${gateway}/${hostLength(gateway)}`, oif, src, scope: RT_SCOPE_LINK },
    { dst: subnetOf(address), via: gateway, oif, src },
  ];
}

/** Gives the host end the gateway's address and a route to the pod. */
function configureHostEnd(
  host: RtnetlinkConnection,
  { hostIndex: index, hostMac }: VethPair,
  ips: readonly RoutedAddress[],
): void {
  const requests = ips.some(({ address }) => isIPv6(address)) ? linkLocal(index, hostMac) : [];
  for (const { address, gateway } of ips) {
    const length = hostLength(address);
    requests.push(newAddress({ index, address: `${gateway}/${length}`, nodad: true }));
    requests.push(newRoute({ dst: `${withoutLength(address)}/${length}`, oif: index }));
  }
  host.batch(requests);
}

function routed(ip: IpConfig): RoutedAddress {
  const { gateway } = ip;
  if (gateway === undefined) {
    throw missing(`IPAM gave no gateway for ${ip.address}`, 'ptp routes the pod through it');
  }
  return { ...ip, gateway };
}

function missing(msg: string, details: string): CniError {
  return new CniError(ErrorCode.InvalidNetworkConfig, msg, details);
}
