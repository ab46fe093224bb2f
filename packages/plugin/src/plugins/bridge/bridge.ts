import type { Link, LinkSummary } from '@cnikit/netlink';

/** A bridge of the node. `bridge` has its own settings, and is present when the network uses VLANs. */
export type Bridge = LinkSummary & Pick<Link, 'bridge'>;
