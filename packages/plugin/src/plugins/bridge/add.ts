import {
  type CheckedConfig,
  type Context,
  capability,
  type Interface,
  type IpConfig,
  type Result,
} from '@cnikit/cni-spec';
import { type LinkSummary, openRtnetlink, type RtnetlinkCore, setLink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { cniArgs } from '../../attachment/cni-args.ts';
import type { AddHooks } from '../../attachment/feature.ts';
import { appendResult, chooseDns } from '../../attachment/result.ts';
import { withDefaultRoutes, withNextHops } from '../../attachment/routes.ts';
import { undoAll } from '../../attachment/undo.ts';
import { openIpam } from '../../ipam/ipam.ts';
import type { Allocation } from '../../ipam/pod-ipam.ts';
import { isIPv6 } from '../../lib/prefix.ts';
import { announce } from '../../links/announce.ts';
import { deleteHostEnd } from '../../links/attachment-links.ts';
import { waitForDad } from '../../links/dad.ts';
import { checkMtu, withMtuReason } from '../../links/ipv6-mtu.ts';
import { checkedMac, macOfAddress } from '../../links/mac.ts';
import { hostVethName } from '../../links/names.ts';
import { configurePodInterface, type PodInterface } from '../../links/pod-interface.ts';
import { createVethPair, type VethPair } from '../../links/veth.ts';
import { addMasquerade, undoMasquerade } from '../../nat/masquerade.ts';
import { openPodNamespace, type PodNamespace } from '../../netns/pod-namespace.ts';
import { poolRecovery } from '../../recovery/pool-recovery.ts';
import type { Bridge } from './bridge.ts';
import { ensureBridge } from './bridge-link.ts';
import { ensureGateways, withGateways } from './gateway.ts';
import { configurePort } from './port.ts';
import { awaitPort } from './port-state.ts';
import type { BridgeSettings } from './settings.ts';
import { checkSpoofing, uncheckSpoofing } from './spoof-check.ts';
import { ensureVlanGateway } from './vlan.ts';

/** Default MTU of a veth, in bytes (linux/if_ether.h). */
const ETH_DATA_LEN = 1500;

const NOTHING: Allocation = { ips: [], routes: [] };
const NO_HOOKS: AddHooks = { rules: [] };

/**
 * Runs ADD: bridge, veth pair, addresses, routes. When a step fails, the previous steps are undone. The bridge stays,
 * since other pods may use it already.
 *
 * @param hooks work of features. `beforeLinkUp` runs when the host end is a port of the bridge, before it is set up
 * @returns interfaces in upstream's order: bridge, host end, pod's end. `ips[].interface` points to the pod's end
 */
export function add(
  sys: Sys,
  context: Context<BridgeSettings>,
  { beforeLinkUp, rules }: AddHooks = NO_HOOKS,
): Result {
  const { conf, containerID, ifName, netns, args, prevResult, mark } = context;
  const mac = requestedMac(conf.raw, args);
  const ipam = openIpam(sys, context, poolRecovery(sys, context, conf.bridge));
  checkMtu(conf.mtu, ipam);
  const pod = openPodNamespace(sys, netns);
  const host = openRtnetlink({ sys });
  mark?.('netns');
  const hostName = hostVethName(conf.network, containerID, ifName);
  let pair: VethPair | undefined;
  let given: Allocation | undefined;
  let isChecked = false;
  let masqueraded: Allocation['ips'] | undefined;
  try {
    const bridge = ensureBridge(host, sys, conf);
    mark?.('bridge');
    const down = beforeLinkUp !== undefined;
    pair = createVethPair(host, sys, {
      hostName,
      ifName,
      pod,
      mtu: conf.mtu,
      mac,
      master: bridge.index,
      down,
    });
    configurePort(host, conf, bridge, pair);
    mark?.('veth');
    if (beforeLinkUp !== undefined) {
      const index = pair.hostIndex();
      beforeLinkUp(host, { name: hostName, index, mtu: conf.mtu || ETH_DATA_LEN });
      host.request(setLink({ index, up: true }));
    }

    // The interface exists first: an IPAM plugin such as dhcp sends its requests from it.
    given = ipam?.add() ?? NOTHING;
    mark?.('ipam');
    const source = conf.macFromAddress && mac === undefined ? macSource(given.ips) : undefined;
    const podMac = source === undefined ? pair.podMac : macOfAddress(source);
    if (conf.macspoofchk) {
      isChecked = true;
      checkSpoofing(sys, { containerID, ifName, hostName, mac: podMac });
    }
    const gateways = conf.isGateway ? withGateways(given.ips) : undefined;
    const ips = gateways ?? given.ips;
    const holder = gateways?.length ? ensureHolder(host, sys, conf, bridge) : undefined;
    if (gateways !== undefined && holder !== undefined) {
      ensureGateways(host, sys, conf, holder, gateways);
    }
    mark?.('gateway');

    // Rules come first: the pod cannot send yet.
    if (conf.ipMasq) {
      masqueraded = ips;
      addMasquerade(sys, context, { ips, link: holder?.name }, rules);
      mark?.('rules');
    }
    const routes = conf.isDefaultGateway ? withDefaultRoutes(given.routes, ips) : [...given.routes];
    if (!conf.disableContainerInterface) {
      const addresses = ips.map(addressOf);
      configurePod(sys, pod, host, {
        hostName,
        ifName,
        index: pair.podIndex,
        netns,
        mac: podMac,
        isMacNew: source !== undefined,
        addresses,
        // A neighbour that knows an earlier pod with the source of the MAC address has that MAC address.
        announced: source === undefined ? undefined : addresses.filter((address) => address !== source),
        isAnnouncedLater: true,
        noRouterSolicitations: !conf.routerSolicitations,
        routes: withNextHops(routes, ips),
        detectDuplicates: conf.enabledad,
        mark,
      });
    }
    const interfaces: Interface[] = [
      { name: bridge.name, mac: bridge.mac },
      { name: hostName, mac: pair.hostMac },
      { name: ifName, mac: podMac, sandbox: netns },
    ];
    if (holder !== undefined && holder !== bridge) {
      interfaces.push({ name: holder.name, mac: holder.mac });
    }
    const dns = chooseDns(conf.raw, given.dns);
    return appendResult(prevResult, { interfaces, ips: ips.map(onPodEnd), routes, dns });
  } catch (error) {
    undoAll([
      masqueraded && (() => undoMasquerade(sys, context, masqueraded ?? [])),
      isChecked && (() => uncheckSpoofing(sys, context)),
      given && (() => ipam?.del()),
      pair && (() => deleteHostEnd(sys, hostName)),
    ]);
    throw withMtuReason(error, conf.mtu, given?.ips);
  } finally {
    host.close();
    pod.close();
  }
}

const addressOf = ({ address }: IpConfig): string => address;

/** Returns the address in the result, where the pod's end is the third interface. */
const onPodEnd = (ip: IpConfig): IpConfig => ({ ...ip, interface: 2 });

/** Returns the requested MAC address. The runtime's takes precedence over the configuration's, then the environment's. */
export function requestedMac(raw: CheckedConfig, args: Readonly<Record<string, string>>): string | undefined {
  const ofArgs = raw.args && cniArgs(raw).mac;
  const text = capability(raw, 'mac') || (typeof ofArgs === 'string' && ofArgs) || args.MAC;
  return text ? checkedMac(text) : undefined;
}

/** Returns the address for the pod's MAC address: the first one of IPv4, otherwise of IPv6; undefined without addresses. */
function macSource(ips: Allocation['ips']): string | undefined {
  const addresses = ips.map(addressOf);
  return addresses.find((address) => !isIPv6(address)) ?? addresses[0];
}

/** Returns the link for the gateway addresses: the bridge, or the node's interface in the network's VLAN. */
export function ensureHolder(
  host: RtnetlinkCore,
  sys: Sys,
  conf: BridgeSettings,
  bridge: Bridge,
): LinkSummary {
  return conf.vlan === 0 ? bridge : ensureVlanGateway(host, sys, conf, bridge);
}

function configurePod(
  sys: Sys,
  pod: PodNamespace,
  host: RtnetlinkCore,
  plan: PodInterface & Pick<Context<unknown>, 'mark'> & { hostName: string },
): void {
  const { index, mark } = plan;
  configurePodInterface(sys, pod.route, plan);
  mark?.('addresses');
  awaitPort(sys, host, plan.hostName);
  // A port forwards some time after the pod's end came up.
  if ((plan.announced ?? plan.addresses).length > 0) {
    announce(pod.route, plan.ifName, plan.mac);
  }
  mark?.('port');
  if (!plan.detectDuplicates) {
    return;
  }
  waitForDad(sys, pod.route, index);
  mark?.('duplicates');
}
