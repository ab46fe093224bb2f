/**
 * Interfaces as netdevice(7) tells of them: one fact for each ioctl, where RTM_GETLINK tells sixty. For programs that run
 * for one interface.
 */
import { sys as realSys, SOCK_DGRAM, type Sys } from '@cnikit/sys';
import { formatAddress } from './codec/ip.ts';
import { formatMac } from './codec/mac.ts';
import { undefinedOn } from './errors.ts';
import { AF_INET } from './route/constants.ts';

/** linux/sockios.h */
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFADDR = 0x8915;
const SIOCGIFNETMASK = 0x891b;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
/** What follows the name in `struct ifreq` (linux/if.h), in bytes. */
const IFREQ_BYTES = 24;

/** Of `sin_addr` in `struct sockaddr_in` (linux/in.h), in bytes. */
const IN_ADDR = 4;

/** linux/if_arp.h */
const ARPHRD_ETHER = 1;

/** An interface, in short. */
export interface Device {
  name: string;
  index: number;
  /** The lower 16 of IFF_*. */
  flags: number;
  /** Of Ethernet interfaces, as `02:00:5e:10:00:01`. */
  mac?: string;
  /** Such as 'bridge' or 'veth'; absent where the kernel knows of none. */
  driver?: string;
}

/** The interface of that name as the socket's namespace has it, `undefined` when there is none. */
export function device(sys: Sys, fd: number, name: string): Device | undefined {
  return undefinedOn('ENODEV', () => {
    const index = new Int32Array(ask(sys, fd, SIOCGIFINDEX, name))[0] as number;
    const flags = new Uint16Array(ask(sys, fd, SIOCGIFFLAGS, name))[0] as number;
    const address = ask(sys, fd, SIOCGIFHWADDR, name);
    const isEthernet = new Uint16Array(address)[0] === ARPHRD_ETHER;
    // ENOSYS: emulators of system calls do not have them all.
    const driver = undefinedOn('ENOSYS', () => undefinedOn('EOPNOTSUPP', () => sys.driver(fd, name)));
    return {
      name,
      index,
      flags,
      ...(isEthernet ? { mac: formatMac(new Uint8Array(address, 2, 6)) } : {}),
      ...(driver === undefined ? {} : { driver }),
    };
  });
}

/** Its index. */
export function deviceIndex(sys: Sys, fd: number, name: string): number | undefined {
  return undefinedOn('ENODEV', () => new Int32Array(ask(sys, fd, SIOCGIFINDEX, name))[0]);
}

/** The lower 16 of its IFF_*. */
export function deviceFlags(sys: Sys, fd: number, name: string): number | undefined {
  return undefinedOn('ENODEV', () => new Uint16Array(ask(sys, fd, SIOCGIFFLAGS, name))[0]);
}

/**
 * The first IPv4 address of an interface in the calling thread's namespace, with prefix length; `undefined` when it has
 * none or is none. A third of the work of a list of them.
 */
export function firstIPv4(name: string, { sys = realSys }: { sys?: Sys } = {}): string | undefined {
  const fd = sys.socket(AF_INET, SOCK_DGRAM, 0);
  try {
    return undefinedOn('ENODEV', () =>
      undefinedOn('EADDRNOTAVAIL', () => {
        const address = new Uint8Array(ask(sys, fd, SIOCGIFADDR, name), IN_ADDR, 4);
        const mask = new DataView(ask(sys, fd, SIOCGIFNETMASK, name)).getUint32(IN_ADDR);
        return `${formatAddress(address)}/${Math.clz32(~mask)}`;
      }),
    );
  } finally {
    sys.close(fd);
  }
}

function ask(sys: Sys, fd: number, request: number, name: string): ArrayBuffer {
  const into = new Uint8Array(IFREQ_BYTES);
  sys.ifreq(fd, request, name, into);
  return into.buffer;
}
