/**
 * Generic netlink: look up a family by name and speak to it.
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
import { ignoreErrno, NETLINK_GENERIC, sys as realSys } from '@cnikit/sys';
import { Connection } from './connection.ts';
import { decodeFamily, GENL_ID_CTRL, type GenericFamily, getFamily } from './generic/family.ts';
import type { OpenOptions } from './rtnetlink.ts';

export {
  decodeFamily,
  GENL_HDRLEN,
  GENL_ID_CTRL,
  type GenericFamily,
  type GenericSpec,
  genericRequest,
  getFamily,
} from './generic/family.ts';

/** Opens a connection to generic netlink. Fails as `openRtnetlink` does. */
export function openGeneric({ sys = realSys, netns }: OpenOptions = {}): GenericConnection {
  return new GenericConnection(
    new Connection({ sys, protocol: NETLINK_GENERIC, ...(netns !== undefined && { netns }) }),
  );
}

/** A socket to every family; send by `connection` what `genericRequest()` makes. */
export class GenericConnection {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** A family by name; `undefined` when the kernel has none of it. */
  family(name: string): GenericFamily | undefined {
    return ignoreErrno('ENOENT', () =>
      this.connection.query(getFamily(name), (message) =>
        message.type === GENL_ID_CTRL ? decodeFamily(message) : undefined,
      ),
    );
  }

  /** All families that the kernel has now. */
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
