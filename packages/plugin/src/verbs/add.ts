import type { Context, Result } from '@cnikit/cni-spec';
import { delLink, openRoute } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { ensureBridge } from '../capabilities/bridge.ts';
import { ensureGateways } from '../capabilities/gateway.ts';
import { configurePodInterface } from '../capabilities/pod-interface.ts';
import { podRoutes, withGateways } from '../capabilities/pod-routes.ts';
import { openPool } from '../capabilities/pool.ts';
import { configurePort, createVethPair } from '../capabilities/veth.ts';
import type { BridgeSettings } from '../config.ts';
import { hostVethName } from '../names.ts';
import { openPodNamespace } from '../netns.ts';
import { undoStack } from '../undo.ts';

/**
 * ADD: bridge, addresses, veth pair, routes. When a step fails, the steps before it are taken back; the bridge
 * stays, since other pods may use it by then.
 *
 * @returns interfaces in the reference's order: bridge, host end, pod's end, to which `ips[].interface` points
 */
export function add(sys: Sys, { conf, containerID, ifName, netns, args }: Context<BridgeSettings>): Result {
  const attachment = { containerID, ifName };
  const pool = openPool(sys, conf, args);
  const pod = openPodNamespace(sys, netns);
  const host = openRoute({ sys });
  const undo = undoStack();
  try {
    const bridge = ensureBridge(host, sys, conf);
    const ips = pool ? pool.ipam.add({ ...attachment, requested: pool.requested }).ips : [];
    undo.push(() => pool?.ipam.del(attachment));
    if (conf.isGateway) ensureGateways(host, sys, conf, bridge, ips.map(gatewayAddress));

    const hostName = hostVethName(conf.network, containerID, ifName);
    const pair = createVethPair(host, sys, conf, { hostName, ifName, bridge, netns: pod.fd });
    undo.push(() => host.request(delLink({ name: hostName })));
    configurePort(host, conf, hostName);

    const routes = podRoutes(conf, ips, pool?.routes ?? []);
    const addresses = ips.map(({ address }) => address);
    configurePodInterface(pod.route, ifName, pair.podMac, addresses, withGateways(routes, ips));

    const dns = conf.dns ?? pool?.dns;
    return {
      interfaces: [
        { name: conf.bridge, ...(bridge.mac === undefined ? {} : { mac: bridge.mac }) },
        { name: hostName, mac: pair.hostMac },
        { name: ifName, mac: pair.podMac, sandbox: netns },
      ],
      ips: ips.map(({ address, gateway }) => ({ address, gateway, interface: 2 })),
      routes,
      ...(dns === undefined ? {} : { dns }),
    };
  } catch (error) {
    undo.run();
    throw error;
  } finally {
    host.close();
    pod.close();
  }
}

/** The gateway with the prefix length of the address it serves. */
function gatewayAddress({ address, gateway }: { address: string; gateway: string }): string {
  return gateway + address.slice(address.indexOf('/'));
}
