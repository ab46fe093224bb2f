/** The veth pair, by one message: host end up and enslaved, the other end in the pod under its final name. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { type Link, NetlinkError, newLink, type RouteConnection, setLink } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import type { BridgeSettings } from '../config.ts';
import { randomMac } from '../mac.ts';

/** Both ends as they were made. */
export interface VethPair {
  hostName: string;
  hostMac: string;
  podMac: string;
}

/**
 * Makes the pair.
 *
 * @throws CniError 999 when either name is taken (SPEC, ADD: an interface of that name exists)
 */
export function createVethPair(
  route: RouteConnection,
  sys: Sys,
  settings: BridgeSettings,
  { hostName, ifName, bridge, netns }: { hostName: string; ifName: string; bridge: Link; netns: number },
): VethPair {
  const mtu = settings.mtu > 0 ? { mtu: settings.mtu } : {};
  const pair = { hostName, hostMac: randomMac(sys), podMac: randomMac(sys) };
  try {
    route.request(
      newLink({
        kind: 'veth',
        name: hostName,
        mac: pair.hostMac,
        up: true,
        master: bridge.index,
        ...mtu,
        // The peer must not carry IFF_UP in this message: the kernel answers ENOTCONN.
        peer: { name: ifName, mac: pair.podMac, netns, ...mtu },
      }),
    );
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'EEXIST') throw error;
    throw new CniError(
      ErrorCode.Internal,
      `Container veth name provided (${ifName}) already exists in the container, or ${hostName} on the node`,
      'DEL the attachment before it is added again',
    );
  }
  return pair;
}

/** Sets the bridge-port attributes that differ from the kernel's defaults; where none do, it costs nothing. */
export function configurePort(route: RouteConnection, settings: BridgeSettings, hostName: string): void {
  const { hairpinMode, portIsolation } = settings;
  if (!hairpinMode && !portIsolation) return;
  route.request(
    setLink({
      name: hostName,
      ...(hairpinMode ? { hairpin: true } : {}),
      ...(portIsolation ? { isolated: true } : {}),
    }),
  );
}
