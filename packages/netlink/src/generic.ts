/**
 * Generic netlink: families that are identified by name.
 *
 * ```ts
 * import { openGeneric } from '@cnikit/netlink/generic';
 *
 * const generic = openGeneric();
 * console.log(generic.family('nlctrl')?.id); // 16
 * generic.close();
 * ```
 *
 * @module
 */
import { ignoreErrno, NETLINK_GENERIC } from '@cnikit/sys';
import type { Connection } from './connection.ts';
import { decodeFamily, GENL_ID_CTRL, type GenericFamily, getFamily } from './generic/family.ts';
import { type OpenOptions, openProtocol } from './open.ts';

export {
  decodeFamily,
  GENL_HDRLEN,
  GENL_ID_CTRL,
  type GenericFamily,
  type GenericSpec,
  genericRequest,
  getFamily,
} from './generic/family.ts';

/**
 * Opens a connection to generic netlink.
 *
 * @throws {SysError} like `openRtnetlink()`
 */
export function openGeneric(options: OpenOptions = {}): GenericConnection {
  return new GenericConnection(openProtocol(NETLINK_GENERIC, options));
}

/** A connection to all families. Send the requests of `genericRequest()` with `connection`. */
export class GenericConnection {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Returns a family by name, or `undefined` when the kernel does not have it. */
  family(name: string): GenericFamily | undefined {
    return ignoreErrno('ENOENT', () =>
      this.connection.query(getFamily(name), (message) =>
        message.type === GENL_ID_CTRL ? decodeFamily(message) : undefined,
      ),
    );
  }

  /** Returns all families of the kernel. */
  families(): GenericFamily[] {
    return this.connection.dump(getFamily(), (message) =>
      message.type === GENL_ID_CTRL ? decodeFamily(message) : undefined,
    );
  }

  /** Closes the socket. A second call does nothing. */
  close(): void {
    this.connection.close();
  }

  /** Closes at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}
