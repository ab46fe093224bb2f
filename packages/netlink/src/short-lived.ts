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
import { ignoreErrno, NETLINK_ROUTE, sys as realSys, SOCK_DGRAM, type Sys } from '@cnikit/sys';
import { internal } from '@cnikit/sys/internal';
import { decodeAck, NLMSG_ERROR } from './codec/ack.ts';
import { formatMac } from './codec/mac.ts';
import { MessageReader } from './codec/message.ts';
import type { Request } from './codec/request.ts';
import { refusal } from './errors.ts';
import { type OpenOptions, openProtocol } from './open.ts';
import { AF_INET } from './route/constants.ts';
import { type LinkSpec, type LinkUpdate, newLinkOf, setLinkOf } from './route/link.ts';
import { podKinds } from './route/link-kinds/pod-kinds.ts';
import { RtnetlinkCore } from './rtnetlink.ts';

export { decodeLinkSummary, type LinkSummary } from './route/link-summary.ts';
export type { RtnetlinkCore } from './rtnetlink.ts';

/** Like `openRtnetlink()` of the package, but decodes only the settings of bridge, veth and ifb. */
export function openRtnetlink(options: OpenOptions = {}): RtnetlinkCore {
  return new RtnetlinkCore(openProtocol(NETLINK_ROUTE, options), podKinds);
}

/** Like `newLink()` of the package, for links of kind bridge, veth and ifb. */
export const newLink = (spec: LinkSpec & { kind: keyof typeof podKinds }): Request =>
  newLinkOf(podKinds, spec, 'little');

/** Like `setLink()` of the package, with settings of kind bridge, veth and ifb. */
export const setLink = (update: LinkUpdate & { kind?: keyof typeof podKinds }): Request =>
  setLinkOf(podKinds, update, 'little');

/** linux/sockios.h */
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFADDR = 0x8915;
const SIOCGIFNETMASK = 0x891b;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
/** Bytes after the name in `struct ifreq` (linux/if.h). */
const IFREQ_BYTES = 24;
/** Offset of `sin_addr` in `struct sockaddr_in` (linux/in.h). */
const IN_ADDR = 4;
/** linux/if_arp.h */
const ARPHRD_ETHER = 1;

/** The main properties of an interface. */
export interface Device {
  name: string;
  index: number;
  /** The lower 16 bits of IFF_*. */
  flags: number;
  /** `02:00:5e:10:00:01`; Ethernet interfaces only. */
  mac?: string;
  /** 'bridge', 'veth', …; absent when the interface has no driver. */
  driver?: string;
}

/**
 * Returns an interface by its name (not an alternative name), by ioctls of netdevice(7), or `undefined` when it does
 * not exist.
 *
 * @throws {SysError} when the kernel refuses an ioctl
 */
export function device({ connection }: RtnetlinkCore, name: string): Device | undefined {
  const { sys, fd } = connection.socket;
  return ignoreErrno('ENODEV', () => {
    const index = new Int32Array(query(sys, fd, SIOCGIFINDEX, name))[0] as number;
    const flags = new Uint16Array(query(sys, fd, SIOCGIFFLAGS, name))[0] as number;
    const address = query(sys, fd, SIOCGIFHWADDR, name);
    const isEthernet = new Uint16Array(address)[0] === ARPHRD_ETHER;
    // ENOSYS: emulators of system calls lack this one.
    const driver = ignoreErrno(['ENOSYS', 'EOPNOTSUPP'], () => internal(sys).driver(fd, name));
    const found: Device = { name, index, flags };
    if (isEthernet) {
      found.mac = formatMac(new Uint8Array(address, 2, 6));
    }
    if (driver !== undefined) {
      found.driver = driver;
    }
    return found;
  });
}

/**
 * Returns the index of an interface, or `undefined` when it does not exist.
 *
 * @throws {SysError} when the kernel refuses the ioctl
 */
export function deviceIndex({ connection }: RtnetlinkCore, name: string): number | undefined {
  const { sys, fd } = connection.socket;
  return ignoreErrno('ENODEV', () => new Int32Array(query(sys, fd, SIOCGIFINDEX, name))[0]);
}

/**
 * Returns the lower 16 bits of an interface's IFF_*, or `undefined` when it does not exist.
 *
 * @throws {SysError} when the kernel refuses the ioctl
 */
export function deviceFlags({ connection }: RtnetlinkCore, name: string): number | undefined {
  const { sys, fd } = connection.socket;
  return ignoreErrno('ENODEV', () => new Uint16Array(query(sys, fd, SIOCGIFFLAGS, name))[0]);
}

/**
 * Returns the first IPv4 address of an interface in the calling thread's namespace, with its prefix length, or
 * `undefined` when the interface has none or does not exist. A third of the work of a dump.
 *
 * @throws {SysError} when the kernel refuses an ioctl
 */
export function firstIPv4(name: string, { sys = realSys }: { sys?: Sys } = {}): string | undefined {
  const fd = sys.socket(AF_INET, SOCK_DGRAM, 0);
  try {
    return ignoreErrno(['ENODEV', 'EADDRNOTAVAIL'], () => {
      const address = new Uint8Array(query(sys, fd, SIOCGIFADDR, name), IN_ADDR, 4);
      const mask = new DataView(query(sys, fd, SIOCGIFNETMASK, name)).getUint32(IN_ADDR);
      return `${formatAddress(address)}/${Math.clz32(~mask)}`;
    });
  } finally {
    sys.close(fd);
  }
}

function query(sys: Sys, fd: number, request: number, name: string): ArrayBuffer {
  const into = new Uint8Array(IFREQ_BYTES);
  internal(sys).ifreq(fd, request, name, into);
  return into.buffer;
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
  const first = socket.send([request], {
    write: (fd, bytes) => void internal(socket.sys).sendDetached(fd, bytes, name),
  });
  // Success is acknowledged only when the link has been freed. Until then only a refusal can arrive.
  for (let length = socket.receive(request, false); length >= 0; length = socket.receive(request, false)) {
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
