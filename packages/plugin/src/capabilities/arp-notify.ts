import { AF_INET, AF_UNSPEC, type Request, RTM_NEWLINK } from '@cnikit/netlink';
import { Encoder } from '@cnikit/netlink/codec';

const IFLA_AF_SPEC = 26;
const IFLA_INET_CONF = 1;
/** linux/ip.h */
const IPV4_DEVCONF_ARP_NOTIFY = 22;

/**
 * Sets the sysctl arp_notify of a link by netlink, which needs neither /proc nor a change of namespace: the
 * kernel announces the link's IPv4 addresses when it comes up, so that neighbours forget who had them before.
 */
export function arpNotify(index: number): Request {
  const encoder = new Encoder().putU32(AF_UNSPEC).putI32(index).putU32(0).putU32(0);
  const spec = encoder.nest(IFLA_AF_SPEC);
  const inet = encoder.nest(AF_INET);
  const conf = encoder.nest(IFLA_INET_CONF);
  encoder.u32(IPV4_DEVCONF_ARP_NOTIFY, 1).end(conf).end(inet).end(spec);
  return {
    type: RTM_NEWLINK,
    flags: 0,
    payload: encoder.finish(),
    describe: `set arp_notify of link #${index}`,
  };
}
