/**
 * Shortcuts for programs that run for one interface and end, such as CNI plugins: a tenth of the work of the general
 * calls. This entry may change in any release.
 *
 * ```ts
 * import { device, openRtnetlink } from '@cnikit/netlink/short-lived';
 *
 * const rt = openRtnetlink();
 * console.log(device(rt, 'lo')?.index); // 1
 * rt.close();
 * ```
 *
 * @module
 */
import { formatAddress } from '@cnikit/ip';
import { ignoreErrno, NETLINK_ROUTE, POLLIN, type Sys, SysError } from '@cnikit/sys';
import { internal } from '@cnikit/sys/internal';
import { findAttribute, formatMac, writeMac, writeU16 } from '#native';
import { decodeAck, NLMSG_ERROR } from './codec/ack.ts';
import { readI32, readU16 } from './codec/bytes.ts';
import { NLA_HDRLEN } from './codec/encoder.ts';
import { refuseMac } from './codec/mac.ts';
import { MessageReader } from './codec/message.ts';
import type { Request } from './codec/request.ts';
import { refusal } from './errors.ts';
import { type OpenOptions, openProtocol } from './open.ts';
import { RTM_NEWROUTE, RTPROT_KERNEL } from './route/constants.ts';
import { type LinkSpec, type LinkUpdate, newLinkOf, setLinkOf } from './route/link.ts';
import { podKinds } from './route/link-kinds/pod-kinds.ts';
import { RTA_OIF, RTA_PREFSRC, RTMSG_SIZE } from './route/route-attributes.ts';
import { getRoute } from './route/route-queries.ts';
import { RtnetlinkCore } from './rtnetlink.ts';
import { Template } from './template.ts';

export { decodeLinkSummary, type LinkSummary } from './route/link-summary.ts';
export type { RtnetlinkCore } from './rtnetlink.ts';
export { Template, type TemplateValues } from './template.ts';

/** Like `openRtnetlink()` of the package, but decodes only the settings of veth and those of bridges in {@link newLink}. */
export function openRtnetlink(options: OpenOptions = {}): RtnetlinkCore {
  return new RtnetlinkCore(openProtocol(NETLINK_ROUTE, options), podKinds);
}

/**
 * Like `newLink()` of the package, for links of kind bridge, veth and ifb. Settings of bridges are `vlanFiltering`
 * and `vlanDefaultPvid`, those of ports `hairpin` and `isolated`.
 */
export const newLink = (spec: LinkSpec & { kind: keyof typeof podKinds }): Request =>
  newLinkOf(podKinds, spec, 'little');

/** Like `setLink()` of the package, with the settings that {@link newLink} has. */
export const setLink = (update: LinkUpdate & { kind?: keyof typeof podKinds }): Request =>
  setLinkOf(podKinds, update, 'little');

/** linux/sockios.h */
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFHWADDR = 0x8924;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
/** Bytes after the name in `struct ifreq` (linux/if.h). */
const IFREQ_BYTES = 24;
/** Offsets in `struct rtmsg` (linux/rtnetlink.h). */
const RTM_DST_LEN = 1;
const RTM_PROTOCOL = 5;
/** Offset of the address in `struct sockaddr`. */
const SA_DATA = 2;
/** linux/if_arp.h */
const ARPHRD_ETHER = 1;
const MAC_BYTES = 6;
const IPV4_BYTES = 4;
const NUMBER_BYTES = 4;
const ENODEV = 19;

/** The main properties of an interface. */
export interface Device {
  name: string;
  index: number;
  /** The lower 16 bits of IFF_*. */
  flags: number;
  /** `02:00:5e:10:00:01`; Ethernet interfaces only. */
  mac?: string;
}

/**
 * Returns an interface by its name (not an alternative name), by ioctls of netdevice(7), or `undefined` when it does
 * not exist.
 *
 * @throws {SysError} when the kernel refuses an ioctl
 */
export function device({ connection }: RtnetlinkCore, name: string): Device | undefined {
  const { sys, fd } = connection.socket;
  if (!ioctl(sys, fd, SIOCGIFINDEX, name)) {
    return undefined;
  }
  const index = readI32(ifreqData, 0, true);
  if (!ioctl(sys, fd, SIOCGIFFLAGS, name)) {
    return undefined;
  }
  const flags = readU16(ifreqData, 0, true);
  if (!ioctl(sys, fd, SIOCGIFHWADDR, name)) {
    return undefined;
  }
  return readU16(ifreqData, 0, true) === ARPHRD_ETHER
    ? { name, index, flags, mac: formatMac(ifreqData, SA_DATA, SA_DATA + MAC_BYTES) }
    : { name, index, flags };
}

/**
 * Returns the driver of an interface: 'bridge', 'veth', …; `undefined` when it has none or does not exist. Unlike the
 * other shortcuts it waits for the kernel's interface lock (RTNL), and so for links that other programs create.
 *
 * @throws {SysError} when the kernel refuses the ioctl
 */
export function deviceDriver({ connection }: RtnetlinkCore, name: string): string | undefined {
  const { sys, fd } = connection.socket;
  // ENOSYS: emulators of system calls lack this one.
  return ignoreErrno(['ENODEV', 'ENOSYS', 'EOPNOTSUPP'], () => internal(sys).driver(fd, name));
}

/**
 * Returns the index of an interface, or `undefined` when it does not exist.
 *
 * @throws {SysError} when the kernel refuses the ioctl
 */
export function deviceIndex({ connection }: RtnetlinkCore, name: string): number | undefined {
  const { sys, fd } = connection.socket;
  return ioctl(sys, fd, SIOCGIFINDEX, name) ? readI32(ifreqData, 0, true) : undefined;
}

/**
 * Returns the lower 16 bits of an interface's IFF_*, or `undefined` when it does not exist.
 *
 * @throws {SysError} when the kernel refuses the ioctl
 */
export function deviceFlags({ connection }: RtnetlinkCore, name: string): number | undefined {
  const { sys, fd } = connection.socket;
  return ioctl(sys, fd, SIOCGIFFLAGS, name) ? readU16(ifreqData, 0, true) : undefined;
}

/**
 * Sets the MAC address of an Ethernet interface, a twentieth of the work of a message. The kernel does what it does for
 * `setLink()`: it reports a change even when the interface has that address.
 *
 * @throws {NetlinkEncodeError} BAD_ADDRESS when the text is not a MAC address of six bytes
 * @throws {SysError} ENODEV when the interface does not exist, or when the kernel refuses the ioctl
 */
export function setDeviceMac({ connection }: RtnetlinkCore, name: string, mac: string): void {
  const { sys, fd } = connection.socket;
  writeU16(ifreqData, 0, ARPHRD_ETHER, true);
  if (writeMac(mac, ifreqData, SA_DATA) !== MAC_BYTES) {
    refuseMac(mac, 'MAC address');
  }
  if (!ioctl(sys, fd, SIOCSIFHWADDR, name)) {
    throw new SysError({ syscall: 'ifreq', errno: ENODEV });
  }
}

/** A network that a link of the node is in. */
export interface ConnectedNetwork {
  /** Index of the link. */
  index: number;
  /** The link's address in the network, with the network's prefix length. */
  address: string;
}

/**
 * Returns the network of an IPv4 address, from the route that the kernel made for an address of a link, or `undefined` when
 * the address is routed in another way. Unlike requests for a link's addresses it does not wait for the kernel's interface
 * lock (RTNL).
 *
 * @throws {NetlinkError} ENETUNREACH when no route matches
 */
export function connectedNetwork(
  { connection }: RtnetlinkCore,
  address: string,
): ConnectedNetwork | undefined {
  return connection.queryOne(GET_ROUTE.fill({ dst: address }), networkOf);
}

const GET_ROUTE = new Template(({ dst }) => getRoute({ dst, fibMatch: true }), { dst: '77.203.141.89' });
const OIF = [RTA_OIF];
const PREFSRC = [RTA_PREFSRC];

function networkOf({ type, bytes, start, end }: MessageReader): ConnectedNetwork | undefined {
  if (type !== RTM_NEWROUTE || bytes[start + RTM_PROTOCOL] !== RTPROT_KERNEL) {
    return undefined;
  }
  const index = findAttribute(bytes, start + RTMSG_SIZE, end, OIF);
  const source = findAttribute(bytes, start + RTMSG_SIZE, end, PREFSRC);
  if (sizeOf(bytes, index) !== NUMBER_BYTES || sizeOf(bytes, source) !== IPV4_BYTES) {
    return undefined;
  }
  const address = formatAddress(bytes, source + NLA_HDRLEN, IPV4_BYTES);
  return {
    index: readI32(bytes, index + NLA_HDRLEN, true),
    address: `${address}/${bytes[start + RTM_DST_LEN]!}`,
  };
}

/** Returns the bytes of an attribute's value. */
const sizeOf = (bytes: Uint8Array, at: number): number =>
  at < 0 ? -1 : readU16(bytes, at, true) - NLA_HDRLEN;

/** `struct ifreq` after the name, as the last ioctl left it. */
const ifreqData = new Uint8Array(IFREQ_BYTES);

/** Runs an ioctl with `ifreqData`; returns false when the interface does not exist, which takes no error object. */
function ioctl(sys: Sys, fd: number, request: number, name: string): boolean {
  return internal(sys).ifreq(fd, request, name, ifreqData);
}

/**
 * Deletes a link. In the static executable it does not wait until the kernel has freed the link (see `sendDetached` of
 * `@cnikit/sys/internal`); therefore the request must identify links by index or group.
 *
 * @param name the name of the link, or of one link of the group
 * @throws {NetlinkError} when the kernel refuses the request
 */
export function deleteLinkDetached({ connection }: RtnetlinkCore, request: Request, name: string): void {
  const { socket } = connection;
  const first = socket.send(
    [request],
    0,
    0,
    (fd, bytes) => void internal(socket.sys).sendDetached(fd, bytes, name),
  );
  // Success is acknowledged only when the link has been freed. Until then only a refusal can arrive.
  while (socket.sys.poll(socket.fd, POLLIN, 0) !== 0) {
    const length = socket.receive(request, true);
    const message = new MessageReader(socket.received, Math.min(length, socket.received.length));
    while (message.next()) {
      if (message.sequence !== first || message.type !== NLMSG_ERROR) {
        continue;
      }
      const ack = decodeAck(message, message.flags);
      if (ack.errno !== 0) {
        throw refusal(ack, request);
      }
    }
  }
}
