/**
 * Announcement of addresses. Neighbours may still have an address's previous MAC address in their caches. With these
 * switches the kernel announces the addresses of a link that comes up or changes its MAC address.
 */
import type { Request } from '@cnikit/netlink';
import { type RtnetlinkCore, setDeviceMac, setLink } from '@cnikit/netlink/short-lived';
import { O_WRONLY, type Sys, SysError, withNetns } from '@cnikit/sys';
import { ensureSysctl } from '../netns/sysctl.ts';

/** Settings of a link that make the kernel announce its IPv4 addresses. */
export const ANNOUNCING = { arpNotify: 1 };

/** Enables gratuitous ARP: the sysctl arp_notify over netlink, which needs neither /proc nor a change of namespace. */
export function arpNotify(index: number): Request {
  return setLink({ index, ipv4Conf: ANNOUNCING });
}

/** Settings of a pod's interface that only a sysctl can change. */
export interface IPv6Settings {
  /** Switches IPv6 on where the runtime switched it off, for IPv6 addresses. */
  isUsed: boolean;
  /** Makes the kernel send unsolicited neighbour advertisements. */
  isAnnounced: boolean;
  /** Leaves the kernel's router solicitations on. */
  solicits: boolean;
}

/**
 * Prepares a pod's interface for IPv6, before its first address. Failing at advertisements and solicitations is tolerable:
 * neighbours then find out after a while, and the pod asks for routers.
 *
 * @throws {CniError} 5 when IPv6 is off and cannot be switched on
 */
export function prepareIPv6(
  sys: Sys,
  netns: string,
  ifName: string,
  { isUsed, isAnnounced, solicits }: IPv6Settings,
): void {
  withNetns(sys, netns, () => {
    for (const link of isUsed ? ['lo', ifName] : []) {
      ensureSysctl(sys, `/proc/sys/net/ipv6/conf/${link}/disable_ipv6`, '0', true);
    }
    if (isAnnounced) {
      ndiscNotify(sys, ifName);
    }
    if (!solicits) {
      setIfPossible(sys, `/proc/sys/net/ipv6/conf/${ifName}/router_solicitations`, '0');
    }
  });
}

/** Enables unsolicited neighbour advertisements, as {@link arpNotify} does for IPv4, in the calling thread's namespace. */
export function ndiscNotify(sys: Sys, ifName: string): void {
  setIfPossible(sys, `/proc/sys/net/ipv6/conf/${ifName}/ndisc_notify`, '1');
}

function setIfPossible(sys: Sys, path: string, value: string): void {
  try {
    sys.writeText(path, value, { flags: O_WRONLY });
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
  }
}

/** Makes the kernel announce the link's addresses now. It does so whenever the MAC address is set, even to the same one. */
export function announce(route: RtnetlinkCore, ifName: string, mac: string): void {
  setDeviceMac(route, ifName, mac);
}
