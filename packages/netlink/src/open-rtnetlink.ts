import { NETLINK_ROUTE } from '@cnikit/sys';
import { type OpenOptions, openProtocol } from './open.ts';
import { linkKinds } from './route/link-kinds/index.ts';
import { RtnetlinkConnection } from './rtnetlink.ts';

/**
 * Opens a connection to rtnetlink.
 *
 * @throws {SysError} when the namespace does not exist or is not a network namespace (ENOENT, EINVAL)
 */
export function openRtnetlink(options: OpenOptions = {}): RtnetlinkConnection {
  return new RtnetlinkConnection(openProtocol(NETLINK_ROUTE, options), linkKinds);
}
