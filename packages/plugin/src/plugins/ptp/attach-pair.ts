/** ADD of plugins that connect a pod and its node by a veth pair without a bridge. */
import { CniError, type Context, ErrorCode, type IpConfig, type Result, type Route } from '@cnikit/cni-spec';
import { NetlinkError, type Request } from '@cnikit/netlink';
import { openRtnetlink, type RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import type { AddHooks } from '../../attachment/feature.ts';
import { appendResult, chooseDns } from '../../attachment/result.ts';
import { withNextHops } from '../../attachment/routes.ts';
import { undoAll } from '../../attachment/undo.ts';
import { openIpam } from '../../ipam/ipam.ts';
import type { Allocation } from '../../ipam/pod-ipam.ts';
import { deleteHostEnd } from '../../links/attachment-links.ts';
import { sendNeighbours } from '../../links/host-neighbours.ts';
import { withMtuReason } from '../../links/ipv6-mtu.ts';
import { hostVethName } from '../../links/names.ts';
import { configurePodInterface, type PodInterface } from '../../links/pod-interface.ts';
import { createVethPair, type VethPair } from '../../links/veth.ts';
import { addMasquerade, type MasqueradeSettings, undoMasquerade } from '../../nat/masquerade.ts';
import { ensureForwarding } from '../../netns/forwarding.ts';
import { openPodNamespace } from '../../netns/pod-namespace.ts';
import { poolRecovery } from '../../recovery/pool-recovery.ts';

/** An address of a pod whose packets go to a gateway. */
export type RoutedAddress = IpConfig & { gateway: string };

/** Settings of an ADD, besides the addresses of IPAM. */
export interface PairSettings extends MasqueradeSettings {
  /** In bytes; 0 = the kernel's default. */
  mtu: number;
}

/** The part of ADD that differs between plugins: how node and pod find each other over the pair. */
export interface PairLayout {
  /** MAC address of the host end; random if absent. */
  hostMac?: string;
  /** Link group of the host end. */
  hostGroup?: number;
  /** MAC address of the pod's end; random if absent. */
  podMac?: string | undefined;
  /** Returns the addresses of the result, with their gateways. */
  addresses(ips: readonly IpConfig[]): RoutedAddress[];
  /** Returns the routes of the result. */
  routes(configured: readonly Route[], ips: readonly RoutedAddress[]): Route[];
  /** Returns the requests that bring the host end up and route the pod's addresses to it. */
  hostEnd(index: number, pair: VethPair, ips: readonly RoutedAddress[]): Request[];
  /**
   * Returns the requests for the node's neighbours at the host end. They come once the pod's end is up: as long as a link
   * has no carrier, a worker of the kernel may report that at any moment, which deletes the link's neighbours.
   */
  hostNeighbours?(index: number, pair: VethPair, ips: readonly RoutedAddress[]): Request[];
  /** Returns what makes the pod reach the gateway. */
  podEnd(
    pair: VethPair,
    ips: readonly RoutedAddress[],
  ): Pick<PodInterface, 'addressFlags' | 'announced' | 'linkRoutes' | 'neighbours'>;
  /** Runs before the pod can send. */
  reached?(host: RtnetlinkCore, ips: readonly RoutedAddress[]): void;
  /** Undoes `reached` when a later step fails. */
  left?(ips: readonly RoutedAddress[]): void;
}

/** Default MTU of a veth, in bytes (linux/if_ether.h). */
const ETH_DATA_LEN = 1500;

const NO_HOOKS: AddHooks = { rules: [] };

/**
 * Runs ADD: creates a veth pair, addresses, and routes that send all traffic of the pod through the node. When a step
 * fails, the previous steps are undone.
 *
 * @param hooks work of features
 * @returns interfaces in upstream's order: host end, pod's end. `ips[].interface` points to the pod's end
 */
export function attachPair(
  sys: Sys,
  context: Context<PairSettings>,
  layout: PairLayout,
  { beforeLinkUp, rules }: AddHooks = NO_HOOKS,
): Result {
  const { conf, containerID, ifName, netns, prevResult, mark } = context;
  const ipam = openIpam(sys, context, poolRecovery(sys, context));
  if (ipam === undefined) {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      'Missing field ipam',
      'Routes to the pod need its addresses: set ipam.type',
    );
  }
  const pod = openPodNamespace(sys, netns);
  const host = openRtnetlink({ sys });
  mark?.('netns');
  const hostName = hostVethName(conf.network, containerID, ifName);
  let pair: VethPair | undefined;
  let given: Allocation | undefined;
  let reached: readonly RoutedAddress[] | undefined;
  let masqueraded: readonly RoutedAddress[] | undefined;
  try {
    // The pair comes before the addresses: a second ADD of an attachment fails here and undoes nothing of the first.
    const { hostMac, podMac: mac } = layout;
    const plan = { hostName, ifName, pod, mtu: conf.mtu, mac, hostMac, group: layout.hostGroup, down: true };
    pair = createVethPair(host, sys, plan);
    mark?.('veth');
    const mtu = conf.mtu || ETH_DATA_LEN;
    beforeLinkUp?.(host, { name: hostName, index: pair.hostIndex(), mtu, group: layout.hostGroup });

    given = ipam.add();
    mark?.('ipam');
    const ips = layout.addresses(given.ips);
    ensureForwarding(sys, ips);
    const hostIndex = pair.hostIndex();
    reach(host, layout.hostEnd(hostIndex, pair, ips), ips);
    reached = ips;
    layout.reached?.(host, ips);
    mark?.('host');
    // Rules come first: the pod cannot send yet.
    if (conf.ipMasq) {
      masqueraded = ips;
      addMasquerade(sys, context, { ips, link: hostName }, rules);
      mark?.('rules');
    }
    const routes = layout.routes(given.routes, ips);
    configurePodInterface(sys, pod.route, {
      ifName,
      index: pair.podIndex,
      netns,
      mac: pair.podMac,
      addresses: ips.map(({ address }) => address),
      routes: withNextHops(routes, ips),
      ...layout.podEnd(pair, ips),
    });
    if (layout.hostNeighbours !== undefined) {
      sendNeighbours(host, layout.hostNeighbours(hostIndex, pair, ips));
    }
    mark?.('addresses');
    const own: Result = {
      interfaces: [
        { name: hostName, mac: pair.hostMac },
        { name: ifName, mac: pair.podMac, sandbox: netns },
      ],
      ips: ips.map((ip) => ({ ...ip, interface: 1 })),
      routes,
      dns: chooseDns(conf.raw, given.dns),
    };
    return appendResult(prevResult, own);
  } catch (error) {
    undoAll([
      masqueraded && (() => undoMasquerade(sys, context, masqueraded ?? [])),
      reached && (() => layout.left?.(reached ?? [])),
      given && (() => ipam.del()),
      pair && (() => deleteHostEnd(sys, hostName)),
    ]);
    throw withMtuReason(error, conf.mtu, given?.ips);
  } finally {
    host.close();
    pod.close();
  }
}

/** Sends the requests of the host end. A route that exists belongs to another pod with the same address. */
function reach(host: RtnetlinkCore, requests: readonly Request[], ips: readonly RoutedAddress[]): void {
  try {
    host.batch(requests);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'EEXIST' || error.cause !== undefined) {
      throw error;
    }
    throw new CniError(
      ErrorCode.Internal,
      `The node already has a route to ${ips.map(({ address }) => address).join(' or ')}: ${error.message}`,
      'Another pod has the address: delete it, or the route that `ip route show` lists for the address',
    );
  }
}
