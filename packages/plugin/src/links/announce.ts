/**
 * Neighbours that knew who had an address before must hear who has it now: the kernel tells them when a link comes
 * up with addresses or changes its own, if these switches are on.
 */
import { AF_INET, AF_UNSPEC, type Request, RTM_NEWLINK, setLink } from '@cnikit/netlink';
import { Encoder } from '@cnikit/netlink/codec';
import { O_WRONLY, type Sys, SysError, withNetns } from '@cnikit/sys';
import { ensureSysctl } from '../netns/sysctl.ts';

const IFLA_AF_SPEC = 26;
const IFLA_INET_CONF = 1;
/** linux/ip.h */
const IPV4_DEVCONF_ARP_NOTIFY = 22;

/** Gratuitous ARP: the sysctl arp_notify by netlink, which needs neither /proc nor a change of namespace. */
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
    try {
      sys.writeText(`/proc/sys/net/ipv6/conf/${ifName}/ndisc_notify`, '1', { flags: O_WRONLY });
    } catch (error) {
      if (!(error instanceof SysError)) {
        throw error;
      }
    }
  });
}

/** Has the kernel announce the link's addresses now: it does after a change of the MAC address, to the same one too. */
export function announce(index: number, mac: string): Request {
  return setLink({ index, mac });
}
