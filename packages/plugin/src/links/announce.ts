/**
 * Announcement of addresses. Neighbours may still have an address's previous MAC address in their caches. With these
 * switches the kernel announces the addresses of a link that comes up or changes its MAC address.
 */
import type { Request } from '@cnikit/netlink';
import { Encoder } from '@cnikit/netlink/codec';
import { AF_INET, AF_UNSPEC, RTM_NEWLINK } from '@cnikit/netlink/constants';
import { setLink } from '@cnikit/netlink/short-lived';
import { O_WRONLY, type Sys, SysError, withNetns } from '@cnikit/sys';
import { ensureSysctl } from '../netns/sysctl.ts';

const IFLA_AF_SPEC = 26;
const IFLA_INET_CONF = 1;
/** Defined in linux/ip.h. */
const IPV4_DEVCONF_ARP_NOTIFY = 22;

/** Enables gratuitous ARP: the sysctl arp_notify over netlink, which needs neither /proc nor a change of namespace. */
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

/**
 * Prepares a pod's interface for IPv6 addresses: switches IPv6 on where the runtime switched it off, and makes the
 * kernel send unsolicited neighbour advertisements, which only a sysctl can. Failing at the latter is tolerable:
 * neighbours then find out after a while.
 *
 * @throws {CniError} 5 when IPv6 is off and cannot be switched on
 */
export function prepareIPv6(sys: Sys, netns: string, ifName: string): void {
  withNetns(sys, netns, () => {
    for (const link of ['lo', ifName]) {
      ensureSysctl(sys, `/proc/sys/net/ipv6/conf/${link}/disable_ipv6`, '0', true);
    }
    ndiscNotify(sys, ifName);
  });
}

/** Enables unsolicited neighbour advertisements, as {@link arpNotify} does for IPv4, in the calling thread's namespace. */
export function ndiscNotify(sys: Sys, ifName: string): void {
  try {
    sys.writeText(`/proc/sys/net/ipv6/conf/${ifName}/ndisc_notify`, '1', { flags: O_WRONLY });
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
  }
}

/** Makes the kernel announce the link's addresses now. It does so whenever the MAC address is set, even to the same one. */
export function announce(index: number, mac: string): Request {
  return setLink({ index, mac });
}
