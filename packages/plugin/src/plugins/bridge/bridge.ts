import type { Link } from '@cnikit/netlink';
import type { LinkSummary } from '@cnikit/netlink/short-lived';

/** A bridge of the node. `bridge` has its own settings, and is present when the network uses VLANs. */
export type Bridge = LinkSummary & Pick<Link, 'bridge'>;
