/**
 * Calls for cnikit's own packages. They serve a plugin that runs for one interface and ends. This entry may change in
 * any release.
 *
 * ```ts
 * import { sha512 } from '@cnikit/sys/internal';
 *
 * console.log(sha512('').slice(0, 8)); // cf83e135
 * ```
 *
 * @module
 */
import type { Sys } from './sys.ts';

export { sha512 } from './sha512.ts';

/** `Sys` with the calls that only cnikit's own packages make. Every object that this package makes has them. */
export interface InternalSys extends Sys {
  /**
   * ioctl(2) of netdevice(7) on a socket of any family: SIOCGIF… or SIOCSIF… (linux/sockios.h) for an interface of the
   * socket's namespace. `bytes` are the 24 after the name in `struct ifreq`, for the kernel to read or write.
   *
   * @returns false when the interface does not exist
   * @throws {SysError} when the kernel refuses the ioctl for another reason
   */
  ifreq(fd: number, request: number, name: string, bytes: Uint8Array): boolean;
  /**
   * Returns the driver of an interface of the socket's namespace (ETHTOOL_GDRVINFO), such as 'bridge' or 'veth'.
   *
   * @throws {SysError} EOPNOTSUPP when the interface has no driver, ENODEV when it does not exist
   */
  driver(fd: number, name: string): string;
  /**
   * Sends a message that deletes the interface `name`. In the static executable it returns as soon as the socket's
   * namespace has no interface of that name, or the socket has something to receive; a child process waits until the
   * kernel has freed the interface. Under Node it blocks, like `send()`. The message must identify the interface by
   * index: when another process deletes it first, the child may run after an interface of the same name was created.
   *
   * @throws {SysError} ETIMEDOUT after about 20 s
   */
  sendDetached(fd: number, data: Uint8Array, name: string): number;
}

/** Returns `sys` with the type of its internal calls. */
export const internal = (sys: Sys): InternalSys => sys as InternalSys;
