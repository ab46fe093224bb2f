/** Restores the parts of a running pod that `bridge` made and another program removed. Each returns what it restored. */
import type { Context, IpConfig, Result } from '@cnikit/cni-spec';
import { openRtnetlink, type RtnetlinkCore, setLink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { ownAddresses } from '../attachment/check-state.ts';
import { hostVethName, vlanPortName } from '../links/names.ts';
import { addMasquerade, type MasqueradeSettings, masqueradeMissing } from '../nat/masquerade.ts';
import { ensureHolder } from '../plugins/bridge/add.ts';
import type { Bridge } from '../plugins/bridge/bridge.ts';
import { ensureBridge } from '../plugins/bridge/bridge-link.ts';
import { conflicts, ensureGateways, gatewayOf, withGateways } from '../plugins/bridge/gateway.ts';
import { configurePort } from '../plugins/bridge/port.ts';
import type { BridgeSettings } from '../plugins/bridge/settings.ts';
import { checkSpoofing, spoofCheckDifferences } from '../plugins/bridge/spoof-check.ts';
import { portVlans } from '../plugins/bridge/vlan.ts';

/** Part of an attachment that was restored. */
export type RestoredPart =
  | 'bridge'
  | 'port'
  | 'gateway'
  | 'macspoofchk'
  | 'masquerade'
  | 'host ports'
  | 'routes'
  | 'source guard';

/** Restores the masquerade rules of a pod. */
export function restoreMasquerade(
  sys: Sys,
  context: Context<MasqueradeSettings>,
  prevResult: Result,
): RestoredPart[] {
  const ips = ownIps(context, prevResult);
  const addresses = ips.map(({ address }) => address);
  if (masqueradeMissing(sys, context, addresses).length === 0) {
    return [];
  }
  addMasquerade(sys, context, { ips });
  return ['masquerade'];
}

/** Returns the addresses of the pod's interface. */
export function ownIps(context: Context<unknown>, prevResult: Result): IpConfig[] {
  const own = ownAddresses(prevResult, context);
  return (prevResult.ips ?? []).filter(({ address }) => own.includes(address));
}

/** Restores the bridge, its gateway addresses and the port. A port of another bridge stays there. */
export function restorePort(sys: Sys, context: Context<BridgeSettings>, prevResult: Result): RestoredPart[] {
  const host = openRtnetlink({ sys });
  try {
    return restorePortOver(host, sys, context, prevResult);
  } finally {
    host.close();
  }
}

function restorePortOver(
  host: RtnetlinkCore,
  sys: Sys,
  context: Context<BridgeSettings>,
  prevResult: Result,
): RestoredPart[] {
  const { conf, containerID, ifName } = context;
  const port = host.link({ name: hostVethName(conf.network, containerID, ifName) });
  const before = host.link({ name: conf.bridge });
  const master = port?.master ?? 0;
  if (port === undefined || (master !== 0 && master !== before?.index)) {
    return [];
  }
  const restored: RestoredPart[] = [];
  let bridge: Bridge | undefined = before;
  if (bridge?.up !== true) {
    // Running pods have the former MAC address in their neighbour tables.
    const link = prevResult.interfaces?.find(({ name, sandbox }) => name === conf.bridge && !sandbox);
    bridge = ensureBridge(host, sys, conf, link?.mac);
    restored.push('bridge');
  }
  if (master === 0 || !port.up) {
    host.request(setLink({ index: port.index, master: bridge.index, up: true }));
    configurePort(host, conf, bridge, { hostIndex: () => port.index });
    restored.push('port');
  }
  if (restoreGateways(host, sys, context, bridge, prevResult)) {
    restored.push('gateway');
  }
  return restored;
}

/**
 * Adds the pod's missing gateways to the bridge, or to the node's interface in the network's VLAN. A gateway that
 * conflicts with an address of the bridge is left out: the pod is from an earlier range. Returns true if it added one.
 */
function restoreGateways(
  host: RtnetlinkCore,
  sys: Sys,
  context: Context<BridgeSettings>,
  bridge: Bridge,
  prevResult: Result,
): boolean {
  const { conf } = context;
  const gateways = conf.isGateway ? withGateways(ownIps(context, prevResult)) : [];
  if (gateways.length === 0) {
    return false;
  }
  restoreVlanPort(host, conf, bridge);
  const holder = ensureHolder(host, sys, conf, bridge);
  const held = host.addresses({ index: holder.index }).map(({ address }) => address);
  const missing = gateways.filter((ip) => {
    const wanted = gatewayOf(ip);
    return !held.some((one) => one === wanted || conflicts(one, wanted));
  });
  if (missing.length > 0) {
    ensureGateways(host, sys, { ...conf, forceAddress: false }, holder, missing);
  }
  return missing.length > 0;
}

/** Attaches the port of the node's interface in the network's VLAN to a bridge that was made again. */
function restoreVlanPort(host: RtnetlinkCore, conf: BridgeSettings, bridge: Bridge): void {
  const port = conf.vlan === 0 ? undefined : host.link({ name: vlanPortName(conf.bridge, conf.vlan) });
  if (port !== undefined && (port.master ?? 0) === 0) {
    host.request(setLink({ index: port.index, master: bridge.index, up: true }));
    host.batch(portVlans(port.index, bridge, conf));
  }
}

/** Restores the rules of `macspoofchk`. */
export function restoreSpoofCheck(
  sys: Sys,
  { conf, containerID, ifName }: Context<BridgeSettings>,
  { interfaces = [] }: Result,
): RestoredPart[] {
  const mac = interfaces.find(({ name, sandbox }) => name === ifName && sandbox)?.mac;
  if (
    !conf.macspoofchk ||
    mac === undefined ||
    spoofCheckDifferences(sys, containerID, ifName).length === 0
  ) {
    return [];
  }
  const hostName = hostVethName(conf.network, containerID, ifName);
  checkSpoofing(sys, { containerID, ifName, hostName, mac });
  return ['macspoofchk'];
}
