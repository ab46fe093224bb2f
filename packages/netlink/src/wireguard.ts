/**
 * WireGuard: keys, peers and allowed IPs of its devices. `newLink({ kind: 'wireguard', name })` creates a device.
 *
 * ```ts
 * import { openWireGuard } from '@cnikit/netlink/wireguard';
 *
 * const wireGuard = openWireGuard();
 * if (wireGuard.supported) {
 *   const peers = wireGuard.device({ name: 'wg0' })?.peers ?? [];
 *   console.log(peers.map(({ publicKey, allowedIps }) => `${publicKey} ${allowedIps}`));
 * }
 * wireGuard.close();
 * ```
 *
 * @module
 */
import { ignoreErrno, NETLINK_GENERIC } from '@cnikit/sys';
import type { Connection } from './connection.ts';
import { NetlinkError } from './errors.ts';
import { decodeFamily, GENL_ID_CTRL, getFamily } from './generic/family.ts';
import { decodeDevice, mergeDevice } from './generic/wireguard-decode.ts';
import { getDevice, setDevice } from './generic/wireguard-set.ts';
import { WG_GENL_NAME, type WireGuardDevice, type WireGuardDeviceSpec } from './generic/wireguard-types.ts';
import { type OpenOptions, openProtocol } from './open.ts';
import type { LinkRef } from './route/link.ts';

export { decodeDevice, mergeDevice } from './generic/wireguard-decode.ts';
export { getDevice, setDevice } from './generic/wireguard-set.ts';
export {
  NO_KEY,
  type WireGuardDevice,
  type WireGuardDeviceSpec,
  type WireGuardEndpoint,
  type WireGuardPeer,
  type WireGuardPeerSpec,
} from './generic/wireguard-types.ts';

const ENOENT = 2;

/**
 * Opens a connection to WireGuard.
 *
 * @throws {SysError} like `openRtnetlink()`
 */
export function openWireGuard(options: OpenOptions = {}): WireGuardConnection {
  return new WireGuardConnection(openProtocol(NETLINK_GENERIC, options));
}

/** The WireGuard devices of one network namespace. */
export class WireGuardConnection {
  readonly connection: Connection;
  #family: number | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** True when the kernel has WireGuard. The kernel loads its module. */
  get supported(): boolean {
    return this.#familyId() !== undefined;
  }

  /**
   * Returns a device with all its peers, or `undefined` when no link has the name or index.
   *
   * @throws {NetlinkError} EOPNOTSUPP when the link is not a WireGuard device, EPERM without CAP_NET_ADMIN, ENOENT when
   * the kernel lacks WireGuard
   */
  device(ref: LinkRef): WireGuardDevice | undefined {
    const family = this.#requireFamily();
    return ignoreErrno('ENODEV', () =>
      mergeDevice(
        this.connection.dump(getDevice(ref, family), (message) =>
          message.type === family ? decodeDevice(message) : undefined,
        ),
      ),
    );
  }

  /**
   * Changes a device. Changes that exceed one message are not atomic: they stop at the first that the kernel refuses, and
   * earlier ones stay.
   *
   * @throws {NetlinkError} ENODEV when no link has the name or index, or like `device()`
   * @throws {NetlinkEncodeError} when a value is invalid; nothing was sent
   */
  setDevice(spec: WireGuardDeviceSpec): void {
    for (const request of setDevice(spec, this.#requireFamily())) {
      this.connection.request(request);
    }
  }

  /** Closes the socket. A second call does nothing. */
  close(): void {
    this.connection.close();
  }

  /** Closes at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #familyId(): number | undefined {
    this.#family ??= ignoreErrno('ENOENT', () =>
      this.connection.query(getFamily(WG_GENL_NAME), (message) =>
        message.type === GENL_ID_CTRL ? decodeFamily(message).id : undefined,
      ),
    );
    return this.#family;
  }

  #requireFamily(): number {
    const family = this.#familyId();
    if (family === undefined) {
      const problem = 'This kernel has no WireGuard (load its module: modprobe wireguard):';
      throw new NetlinkError({ errno: ENOENT, problem, request: getFamily(WG_GENL_NAME) });
    }
    return family;
  }
}
