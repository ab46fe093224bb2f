/** Names and numbers that mark what belongs to cnikit on a node. Pure. */

import type { Family } from '@cnikit/ip';
import type { TunnelSettings } from './model.ts';

/** `rtm_protocol` of the agent's routes. Routes with another value are foreign. */
export const ROUTE_PROTOCOL = 201;
/** `rtm_protocol` of the plugin's routes to pods. */
export const POD_ROUTE_PROTOCOL = 202;
/** First of the link groups (IFLA_GROUP) of pods: the lower 24 bits are the index of a `bandwidth` device. */
export const POD_GROUPS = 0x6300_0000;
/** First of the link groups of pods that may send packets with source addresses other than their own. */
export const FOREIGN_SOURCE_GROUPS = 0x6500_0000;

/** Returns true for the host end of a pod that may send packets with source addresses other than its own. */
export const mayUseForeignSources = ({ group = 0 }: { group?: number | undefined }): boolean =>
  group >>> 24 === FOREIGN_SOURCE_GROUPS >>> 24;

/** Returns true for the host end of a pod with the routed layout. */
export const isRoutedEnd = ({
  group = 0,
  master = 0,
}: {
  group?: number | undefined;
  master?: number | undefined;
}): boolean => master === 0 && (group >>> 24 === POD_GROUPS >>> 24 || mayUseForeignSources({ group }));
/** Table of family inet that drops packets of pods with foreign source addresses. */
export const POD_GUARD_TABLE = 'cnikit_guard';
/** The program's name in requests to the API server, and as the source of Events. */
export const USER_AGENT = 'cnikit-agent';
/** The bridge that the plugin attaches pods of the bridge layout to. */
export const BRIDGE_NAME = 'cni0';
/** Default settings. The port is IANA's for VXLAN (RFC 7348). */
export const defaultTunnel: TunnelSettings = { name: 'cnikit-vx', vni: 201, port: 4789 };

/**
 * Returns the name, or path, that a file has until it is complete. Container runtimes load each file that ends in .conf,
 * .conflist or .json, even a hidden one.
 */
export const temporaryName = (name: string): string => `${name}.tmp`;

/** Prefix of the agent's chains. No other chain is touched. */
export const CHAIN_PREFIX = 'CNIKIT-';

export const FORWARD_CHAIN = `${CHAIN_PREFIX}FORWARD`;
export const POSTROUTING_CHAIN = `${CHAIN_PREFIX}POSTROUTING`;

/** The chain that decides which packets of pods are masqueraded. */
export const MASQUERADE_CHAIN = `${CHAIN_PREFIX}MASQ`;

/** The agent's chains, by table of iptables. */
export const OWN_CHAINS = { filter: [FORWARD_CHAIN], nat: [POSTROUTING_CHAIN, MASQUERADE_CHAIN] } as const;

/** Name of the agent's nftables table, of family inet. */
export const FILTER_TABLE = 'cnikit-agent';

/** Name of the nftables table that holds the rules of NetworkPolicies, of family inet. */
export const POLICY_TABLE = 'cnikit-policy';

/** Returns the name of a family's ipset. */
export const insideSet = (family: Family): string => `cnikit-inside-${family}`;

/**
 * Returns the name of the tunnel link of a family. A VXLAN link accepts remote ends of one family only
 * (vxlan_fdb_parse in drivers/net/vxlan/vxlan_core.c). The two links may share VNI and port, because their
 * sockets are of different families.
 */
export function tunnelName({ name }: TunnelSettings, underlay: Family): string {
  return underlay === 'ipv4' ? name : `${name}6`;
}

/** Name of the conflist in /etc/cni/net.d. */
export const CONFLIST_NAME = '05-cnikit.conflist';

/** Name of the network. The plugin derives link names and the directory of reservations from it. */
export const NETWORK_NAME = 'cnikit';
/** Directory that the agent and the plugin share. */
export const STATE_DIR = '/run/cnikit';
/** The file that the plugin replaces when it restores pods. It does not depend on `--state-dir`. */
export const RESTORE_STAMP = `${STATE_DIR}/restored`;
/** The file that informs the plugin's STATUS whether the data path is programmed. */
export const READINESS_NAME = 'readiness.json';
/** The socket where the plugin reports pods, for network policy. */
export const POLICY_SOCKET_NAME = 'policy.sock';
