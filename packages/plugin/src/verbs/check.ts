import { CniError, type Context, ErrorCode, type Interface, type Result } from '@cnikit/cni-spec';
import { openRoute, type RouteConnection } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { withGateways } from '../capabilities/pod-routes.ts';
import { openPool } from '../capabilities/pool.ts';
import type { BridgeSettings } from '../config.ts';
import { hostVethName } from '../names.ts';
import { openPodNamespace } from '../netns.ts';

/** CHECK: compares what prevResult says with the kernel and the pool, and names all that differs. */
export function check(sys: Sys, context: Context<BridgeSettings>): void {
  const { conf, containerID, ifName, netns, prevResult, args } = context;
  if (prevResult === undefined) {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      'Required prevResult missing',
      'CHECK compares with the result of ADD: the runtime has to pass it on',
    );
  }
  const own = ownAddresses(prevResult, ifName, netns);
  openPool(sys, conf, args)?.ipam.check({ containerID, ifName, addresses: own });
  const host = openRoute({ sys });
  const pod = openPodNamespace(sys, netns);
  try {
    const differences = [
      ...hostDifferences(host, conf, hostVethName(conf.network, containerID, ifName)),
      ...podDifferences(pod.route, ifName, prevResult, own),
    ];
    if (differences.length > 0) {
      throw new CniError(
        ErrorCode.Internal,
        `Attachment ${containerID} ${ifName} differs from what ADD made: ${differences.join('; ')}`,
        'DEL and ADD make it anew',
      );
    }
  } finally {
    pod.close();
    host.close();
  }
}

/** The addresses of prevResult that sit on the pod's interface; later plugins of a chain may have added others. */
function ownAddresses(prevResult: Result, ifName: string, netns: string): string[] {
  const isOwn = (one: Interface | undefined) => one?.name === ifName && (one.sandbox ?? '') === netns;
  return (prevResult.ips ?? [])
    .filter((ip) => ip.interface === undefined || isOwn(prevResult.interfaces?.[ip.interface]))
    .map((ip) => ip.address);
}

function hostDifferences(host: RouteConnection, conf: BridgeSettings, hostName: string): string[] {
  const bridge = host.link({ name: conf.bridge });
  const veth = host.link({ name: hostName });
  const differences: string[] = [];
  if (bridge?.kind !== 'bridge') differences.push(`there is no bridge ${conf.bridge}`);
  else if (!bridge.up) differences.push(`bridge ${conf.bridge} is down`);
  if (veth === undefined) differences.push(`there is no host interface ${hostName}`);
  else {
    if (!veth.up) differences.push(`host interface ${hostName} is down`);
    if (veth.master !== bridge?.index)
      differences.push(`host interface ${hostName} is no port of ${conf.bridge}`);
  }
  return differences;
}

function podDifferences(
  pod: RouteConnection,
  ifName: string,
  prevResult: Result,
  addresses: readonly string[],
): string[] {
  const link = pod.link({ name: ifName });
  if (link === undefined) return [`there is no interface ${ifName} in the container`];
  const differences: string[] = [];
  if (!link.up) differences.push(`interface ${ifName} is down`);
  const held = pod.addresses({ index: link.index }).map(({ address }) => address);
  for (const address of addresses) {
    if (!held.includes(address)) differences.push(`address ${address} is missing on ${ifName}`);
  }
  const routes = pod.routes({ oif: link.index });
  const gateways = (prevResult.ips ?? []).flatMap(({ address, gateway }) =>
    gateway === undefined ? [] : [{ address, gateway }],
  );
  for (const { dst, gw } of withGateways(prevResult.routes ?? [], gateways)) {
    if (!routes.some((route) => sameDestination(route.dst, dst) && (gw === undefined || route.via === gw))) {
      differences.push(`route to ${dst}${gw === undefined ? '' : ` via ${gw}`} is missing`);
    }
  }
  return differences;
}

function sameDestination(held: string, wanted: string): boolean {
  return held === wanted || (held === 'default' && (wanted === '0.0.0.0/0' || wanted === '::/0'));
}
