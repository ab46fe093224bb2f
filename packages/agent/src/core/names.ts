/** Names and numbers that mark what belongs to cnikit on a node. Pure. */

import type { Family } from '@cnikit/ip';
import type { TunnelSettings } from './model.ts';

/** The rtm_protocol of the agent's routes; what carries another number is not ours. */
export const ROUTE_PROTOCOL = 201;
/** The program's name in requests to the API server, and as the source of Events. */
export const USER_AGENT = 'cnikit-agent';
/** The bridge that pods are plugged into. */
export const BRIDGE_NAME = 'cni0';
/** The port is IANA's for VXLAN (RFC 7348). */
export const defaultTunnel: TunnelSettings = { name: 'cnikit-vx', vni: 201, port: 4789 };
/** The alias of the agent's tunnel: a link without it is somebody else's, whatever its name. */
export const TUNNEL_ALIAS = 'cnikit: pods of nodes behind a router';

/** Chains whose name begins so are the agent's, and no others. */
export const CHAIN_PREFIX = 'CNIKIT-';

/** The chain that decides which packets of pods are masqueraded. */
export const MASQUERADE_CHAIN = `${CHAIN_PREFIX}MASQ`;

/** Name of the set of a family. */
export const insideSet = (family: Family): string => `cnikit-inside-${family}`;

/**
 * A VXLAN link takes remote ends of one family only (vxlan_fdb_parse in drivers/net/vxlan/vxlan_core.c), so each has a
 * link of its own. They may share VNI and port, as their sockets are of different families.
 */
export function tunnelName({ name }: TunnelSettings, underlay: Family): string {
  return underlay === 'ipv4' ? name : `${name}6`;
}

/** The file's name in /etc/cni/net.d. */
export const CONFLIST_NAME = '05-cnikit.conflist';

/** The network's name, by which the plugin names links and keeps reservations. */
export const NETWORK_NAME = 'cnikit';
/** Where the agent and the plugin meet on this node. */
export const STATE_DIR = '/run/cnikit';
/** Tells the plugin's STATUS whether the data path is programmed. */
export const READINESS_NAME = 'readiness.json';
