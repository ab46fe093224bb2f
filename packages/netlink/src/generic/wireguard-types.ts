/** WireGuard's devices and peers, and their attributes (linux/wireguard.h). */
import type { UnknownAttribute } from '../codec/reader.ts';
import type { Decoded, Table, Values } from '../codec/table.ts';

/** The name of the family. */
export const WG_GENL_NAME = 'wireguard';
export const WG_GENL_VERSION = 1;
export const WG_CMD_GET_DEVICE = 0;
export const WG_CMD_SET_DEVICE = 1;
export const WG_KEY_LEN = 32;
/** A key of zeros: removes the private key of a device or the preshared key of a peer. */
export const NO_KEY = `${'A'.repeat(43)}=`;

export const WGDEVICE_A_IFINDEX = 1;
export const WGDEVICE_A_IFNAME = 2;
export const WGDEVICE_A_PRIVATE_KEY = 3;
export const WGDEVICE_A_PUBLIC_KEY = 4;
export const WGDEVICE_A_FLAGS = 5;
export const WGDEVICE_A_PEERS = 8;
export const WGDEVICE_F_REPLACE_PEERS = 1;

export const WGPEER_A_PUBLIC_KEY = 1;
export const WGPEER_A_PRESHARED_KEY = 2;
export const WGPEER_A_FLAGS = 3;
export const WGPEER_A_ENDPOINT = 4;
export const WGPEER_A_LAST_HANDSHAKE_TIME = 6;
export const WGPEER_A_ALLOWEDIPS = 9;
export const WGPEER_F_REMOVE_ME = 1;
export const WGPEER_F_REPLACE_ALLOWEDIPS = 2;
export const WGPEER_F_UPDATE_ONLY = 4;

export const WGALLOWEDIP_A_FAMILY = 1;
export const WGALLOWEDIP_A_IPADDR = 2;
export const WGALLOWEDIP_A_CIDR_MASK = 3;

export const AF_INET = 2;
export const AF_INET6 = 10;
/** sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6). */
export const SOCKADDR_IN_SIZE = 16;
export const SOCKADDR_IN6_SIZE = 28;

/** Attributes of a device that can be read and set. */
export const deviceTable = {
  /** UDP port, `wg set listen-port`. 0: the kernel chooses one. */
  listenPort: [6, 'u16', 'WGDEVICE_A_LISTEN_PORT'],
  /** Mark of outgoing packets. 0: none. */
  fwmark: [7, 'u32', 'WGDEVICE_A_FWMARK'],
} as const satisfies Table;

/** Attributes of a peer that can be read and set. */
export const peerTable = {
  /** Seconds between keepalive packets. 0: none. */
  persistentKeepalive: [5, 'u16', 'WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL'],
  /** The kernel accepts only 1, and chooses it. */
  protocolVersion: [10, 'u32', 'WGPEER_A_PROTOCOL_VERSION'],
} as const satisfies Table;

/** Attributes of a peer that can only be read. */
export const peerStateTable = {
  rxBytes: [7, 'u64', 'WGPEER_A_RX_BYTES'],
  txBytes: [8, 'u64', 'WGPEER_A_TX_BYTES'],
} as const satisfies Table;

/** Address and UDP port that a peer receives packets at. */
export interface WireGuardEndpoint {
  address: string;
  port: number;
  /** Index of the link that a link-local IPv6 address belongs to. */
  scopeId?: number | undefined;
  /** Flow information of IPv6. */
  flowInfo?: number | undefined;
}

/** A device, `wg show`. It is also a spec: `setDevice({ ...device, replacePeers: true })` restores it. */
export interface WireGuardDevice extends Decoded<typeof deviceTable> {
  /** Index of the link. */
  index?: number;
  /** Name of the link. */
  name?: string;
  /** Base64. Absent: the device has none. */
  privateKey?: string;
  /** Base64. Derived from the private key. */
  publicKey?: string;
  peers: WireGuardPeer[];
}

/** A peer of a device. */
export interface WireGuardPeer extends Decoded<typeof peerTable>, Values<typeof peerStateTable> {
  /** Base64. */
  publicKey: string;
  /** Base64. Absent: the peer has none. */
  presharedKey?: string;
  endpoint?: WireGuardEndpoint;
  /** Absent: there was no handshake. */
  lastHandshake?: Date;
  /** Prefixes that packets from the peer may come from, and that packets to it are for. */
  allowedIps: string[];
}

/** Changes of a device. Properties that are left out stay as they are. */
export interface WireGuardDeviceSpec extends Values<typeof deviceTable> {
  /** Index of the link; it precedes `name`. */
  index?: number | undefined;
  /** Name of the link. */
  name?: string | undefined;
  /** Base64. `NO_KEY` removes it. */
  privateKey?: string | undefined;
  /** Delete the peers that the device has. */
  replacePeers?: boolean | undefined;
  peers?: readonly WireGuardPeerSpec[] | undefined;
  /** Attributes of a decoded device that have no field: refused. */
  unknown?: UnknownAttribute[] | undefined;
}

/** A peer to add, change or remove. Properties that are left out stay as they are. */
export interface WireGuardPeerSpec extends Values<typeof peerTable> {
  /** Base64. The kernel ignores a peer that has the public key of the device. */
  publicKey: string;
  /** Base64. `NO_KEY` removes it. */
  presharedKey?: string | undefined;
  endpoint?: WireGuardEndpoint | undefined;
  /**
   * Prefixes to add. The kernel moves one that another peer of the device has, and clears host bits. An address alone is
   * a prefix of one address.
   */
  allowedIps?: readonly string[] | undefined;
  /** Remove the peer, `wg set peer remove`. */
  remove?: boolean | undefined;
  /** Do not add the peer when the device does not have it. */
  updateOnly?: boolean | undefined;
  /** Remove the allowed IPs that the peer has. */
  replaceAllowedIps?: boolean | undefined;
  /** Attributes of a decoded peer that have no field: refused. */
  unknown?: UnknownAttribute[] | undefined;
}
