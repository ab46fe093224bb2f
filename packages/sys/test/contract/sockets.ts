/** Sockets, netlink ones in particular. */
import {
  AF_NETLINK,
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_NETFILTER,
  NETLINK_ROUTE,
  O_RDONLY,
  POLLIN,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_NETLINK,
  withNetns,
} from '@cnikit/sys';
import { type Case, equal, fails } from './case.ts';

/** linux/sockios.h */
export const SIOCGIFINDEX = 0x8933;

/** A netlink message without attributes: RTM_GETLINK of interface 1, or a dump of all. */
export function getLink(dump: boolean): Uint8Array {
  const message = new Uint8Array(32);
  const view = new DataView(message.buffer);
  view.setUint32(0, 32, true);
  view.setUint16(4, 18 /* RTM_GETLINK */, true);
  view.setUint16(6, dump ? 0x301 /* NLM_F_REQUEST|NLM_F_DUMP */ : 1, true);
  view.setInt32(20, dump ? 0 : 1, true);
  return message;
}

export const socketCases: readonly Case[] = [
  {
    name: 'bindNetlink() assigns a separate port to each socket',
    run(sys) {
      const fds = [0, 1].map(() => sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
      const [a, b] = fds.map((fd) => sys.bindNetlink(fd, 0));
      equal([a! > 0, b! > 0, a === b], [true, true, false]);
      for (const fd of fds) {
        sys.close(fd);
      }
    },
  },
  {
    name: 'openNetlink() opens bound sockets that explain refusals and, except of netfilter, check dumps',
    run(sys) {
      const optionsOf = (protocol: number) => {
        const { fd } = sys.openNetlink(protocol);
        const options = [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK].map((option) =>
          sys.getsockopt(fd, SOL_NETLINK, option),
        );
        sys.close(fd);
        return options;
      };
      equal(optionsOf(NETLINK_ROUTE), [1, 1, 1]);
      equal(optionsOf(NETLINK_NETFILTER), [1, 1, 0]);
    },
  },
  {
    name: 'openNetlink() returns the port of each socket, where the kernel answers',
    run(sys) {
      const sockets = [0, 1].map(() => sys.openNetlink(NETLINK_ROUTE));
      const [a, b] = sockets.map(({ port }) => port);
      equal([a! > 0, b! > 0, a === b], [true, true, false]);
      const into = new Uint8Array(8192);
      for (const { fd, port } of sockets) {
        sys.send(fd, getLink(false));
        sys.recv(fd, into, 0);
        equal(new DataView(into.buffer).getUint32(12, true), port);
        sys.close(fd);
      }
    },
  },
  {
    name: 'openNetlink() refuses a file that is not a network namespace, and an unknown protocol',
    run(sys) {
      const fd = sys.open('/dev/null', O_RDONLY);
      fails('EINVAL', undefined, () => sys.openNetlink(NETLINK_ROUTE, fd));
      sys.close(fd);
      fails('EBADF', undefined, () => sys.openNetlink(NETLINK_ROUTE, fd));
      fails('EPROTONOSUPPORT', undefined, () => sys.openNetlink(99));
    },
  },
  {
    name: 'setsockopt() and getsockopt() set and return integers',
    run(sys) {
      const fd = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
      equal(sys.getsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK), 0);
      sys.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      equal(sys.getsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK), 1);
      fails('ENOPROTOOPT', undefined, () => sys.getsockopt(fd, SOL_NETLINK, 9999));
      sys.close(fd);
    },
  },
  {
    name: 'recv() returns the reply of the kernel, and its full length with MSG_TRUNC',
    run(sys) {
      const fd = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
      sys.bindNetlink(fd, 0);
      equal(sys.poll(fd, POLLIN, 0), 0);
      fails('EAGAIN', undefined, () => sys.recv(fd, new Uint8Array(16), MSG_DONTWAIT));
      equal(sys.send(fd, getLink(false)), 32);
      equal(sys.poll(fd, POLLIN, 10_000), POLLIN);
      const full = sys.recv(fd, new Uint8Array(8), MSG_PEEK | MSG_TRUNC);
      const into = new Uint8Array(full);
      equal([full > 100, sys.recv(fd, into, 0)], [true, full]);
      equal(new DataView(into.buffer).getUint16(4, true), 16 /* RTM_NEWLINK */);
      sys.close(fd);
    },
  },
  {
    name: 'ifreq() and driver() describe an interface on a socket of any family',
    run(sys) {
      const fd = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
      const into = new Uint8Array(24);
      equal(sys.ifreq(fd, SIOCGIFINDEX, 'lo', into), true);
      equal([new Int32Array(into.buffer)[0], into[4]], [1, 0]);
      for (const name of ['none', 'a-name-that-no-interface-has', '']) {
        equal(sys.ifreq(fd, SIOCGIFINDEX, name, into), false);
        fails('ENODEV', undefined, () => sys.driver(fd, name));
      }
      fails('EOPNOTSUPP', undefined, () => sys.driver(fd, 'lo'));
      fails('EINVAL', undefined, () => sys.ifreq(fd, SIOCGIFINDEX, 'lo', new Uint8Array(23)));
      sys.close(fd);
      fails('EBADF', undefined, () => sys.driver(fd, 'lo'));
    },
  },
  {
    name: 'bindUnix() and connectUnix() connect two sockets for datagrams',
    run(sys, dir) {
      const [to, from] = [sys.socket(AF_UNIX, SOCK_DGRAM, 0), sys.socket(AF_UNIX, SOCK_DGRAM, 0)];
      sys.bindUnix(to, `${dir}/log`);
      sys.connectUnix(from, `${dir}/log`);
      equal(sys.send(from, Uint8Array.of(1, 2, 3)), 3);
      const into = new Uint8Array(8);
      equal([sys.recv(to, into, MSG_DONTWAIT), into[2]], [3, 3]);
      fails('EADDRINUSE', `${dir}/log`, () => sys.bindUnix(from, `${dir}/log`));
      sys.close(to);
      fails('ECONNREFUSED', `${dir}/log`, () => sys.connectUnix(from, `${dir}/log`));
      fails('ENOENT', `${dir}/none`, () => sys.connectUnix(from, `${dir}/none`));
      const long = `/${'x'.repeat(108)}`;
      fails('ENAMETOOLONG', long, () => sys.connectUnix(from, long));
      fails('EINVAL', 'a\0b', () => sys.connectUnix(from, 'a\0b'));
      sys.close(from);
    },
  },
  {
    name: 'socket() refuses a file that is not a network namespace, and an unknown family',
    run(sys) {
      const fd = sys.open('/dev/null', O_RDONLY);
      fails('EINVAL', undefined, () => sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, fd));
      sys.close(fd);
      fails('EBADF', undefined, () => sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, fd));
      fails('EAFNOSUPPORT', undefined, () => sys.socket(999, SOCK_RAW, 0));
    },
  },
  {
    name: 'withNetns() refuses a missing path, a file and a FIFO without hanging',
    run(sys, dir) {
      equal(sys.run(['mkfifo', `${dir}/fifo`]).status, 0);
      fails('ENOENT', `${dir}/none`, () => withNetns(sys, `${dir}/none`, () => 0));
      fails('EINVAL', '/etc/passwd', () => withNetns(sys, '/etc/passwd', () => 0));
      fails('EINVAL', `${dir}/fifo`, () => withNetns(sys, `${dir}/fifo`, () => 0));
    },
  },
];
