import { CniError, type Context, ErrorCode, type IpConfig, type Result } from '@cnikit/cni-spec';
import {
  IFA_F_NOPREFIXROUTE,
  newAddress,
  newRoute,
  openRtnetlink,
  type Request,
  RT_SCOPE_LINK,
  type RtnetlinkConnection,
} from '@cnikit/netlink';
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
 * ADD: a veth pair, addresses, and routes by which all the pod's traffic goes through the node. When a step
 * fails, the steps before it are taken back.
 *
 * @returns interfaces in the reference's order: host end, pod's end, to which `ips[].interface` points
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
    // Before the addresses: a second ADD of one attachment ends here, and takes nothing back that is the first's.
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
    // Before the pod can send.
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
 * The gateway is on the link, and the pod's own subnet behind the gateway: a veth is no point-to-point link, so
 * without these two the pod would ask for its neighbours by ARP on a link where nobody but the node is.
 */
function routesToGateway(oif: number, { address, gateway }: RoutedAddress): Request[] {
  const src = withoutLength(address);
  return [
    newRoute({ dst: `${gateway}/${hostLength(gateway)}`, oif, src, scope: RT_SCOPE_LINK }),
    newRoute({ dst: subnetOf(address), via: gateway, oif, src }),
  ];
}

/** The host end answers for the gateway and has a route to the pod. */
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
