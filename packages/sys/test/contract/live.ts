/** Network namespaces and mounts: these need the rights of the sandbox. */
import {
  AF_NETLINK,
  MSG_DONTWAIT,
  NETLINK_ROUTE,
  O_NONBLOCK,
  O_RDONLY,
  POLLIN,
  SOCK_RAW,
  type Sys,
  withNetns,
} from '@cnikit/sys';
import { type Case, equal, fails } from './case.ts';
import { getLink, SIOCGIFINDEX } from './sockets.ts';

function dumpHas(sys: Sys, fd: number, name: string): boolean {
  sys.bindNetlink(fd, 0);
  sys.send(fd, getLink(true));
  const into = new Uint8Array(65_536);
  let text = '';
  // NLMSG_DONE (3) ends the dump; it is a separate message here.
  for (;;) {
    const bytes = into.subarray(0, sys.recv(fd, into, 0));
    if (bytes[4] === 3) {
      return text.includes(name);
    }
    text += String.fromCharCode(...bytes);
  }
}

/** Makes a network namespace bound to `path`, leaving the thread where it was. */
function makeNetns(sys: Sys, path: string): void {
  const home = sys.open('/proc/thread-self/ns/net', O_RDONLY);
  sys.writeText(path, '');
  sys.unshare(0x40000000 /* CLONE_NEWNET */);
  sys.mount('/proc/thread-self/ns/net', path, '', 4096 /* MS_BIND */);
  sys.setns(home, 0x40000000);
  sys.close(home);
}

/**
 * Calls `body` with the descriptor of the new network namespace `${dir}/ns`, while the thread's own has the bridge cnkhome0.
 * `body` returns descriptors to close, and must leave the thread in its namespace.
 */
function besideBridge(sys: Sys, dir: string, body: (netns: number) => number[]): void {
  makeNetns(sys, `${dir}/ns`);
  const before = sys.readlink('/proc/thread-self/ns/net');
  equal(sys.run(['ip', 'link', 'add', 'cnkhome0', 'type', 'bridge']).status, 0);
  const netns = sys.open(`${dir}/ns`, O_RDONLY);
  const opened = body(netns);
  equal(sys.readlink('/proc/thread-self/ns/net'), before);
  for (const fd of [netns, ...opened]) {
    sys.close(fd);
  }
  equal(sys.run(['ip', 'link', 'del', 'cnkhome0']).status, 0);
  sys.umount(`${dir}/ns`, 2 /* MNT_DETACH */);
}

/** Cases that need the rights of the sandbox. */
export const liveCases: readonly Case[] = [
  {
    name: 'socket() opens in another network namespace and restores its own',
    run(sys, dir) {
      besideBridge(sys, dir, (netns) => {
        const there = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, netns);
        const here = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
        equal([dumpHas(sys, there, 'cnkhome0'), dumpHas(sys, here, 'cnkhome0')], [false, true]);
        equal(sys.driver(here, 'cnkhome0'), 'bridge');
        fails('ENODEV', undefined, () => sys.driver(there, 'cnkhome0'));
        equal(
          [sys.inNetns(`${dir}/ns`), sys.inNetns('/proc/self/ns/net'), sys.inNetns(dir)],
          [false, true, false],
        );
        fails('ENOENT', `${dir}/none`, () => sys.inNetns(`${dir}/none`));
        return [there, here];
      });
    },
  },
  {
    name: 'openNetlink() opens in another network namespace and restores its own',
    run(sys, dir) {
      besideBridge(sys, dir, (netns) => {
        const there = sys.openNetlink(NETLINK_ROUTE, netns).fd;
        const here = sys.openNetlink(NETLINK_ROUTE).fd;
        const has = (fd: number) => sys.ifreq(fd, SIOCGIFINDEX, 'cnkhome0', new Uint8Array(24));
        equal([has(there), has(here)], [false, true]);
        return [there, here];
      });
    },
  },
  {
    name: 'openNetlink() and inNetns() follow the thread to other network namespaces',
    run(sys, dir) {
      const names = ['a', 'b'];
      for (const name of names) {
        makeNetns(sys, `${dir}/${name}`);
      }
      const [home, a, b] = ['/proc/thread-self/ns/net', `${dir}/a`, `${dir}/b`].map((path) =>
        sys.open(path, O_RDONLY),
      );
      equal(sys.run(['ip', 'link', 'add', 'cnkhome0', 'type', 'bridge']).status, 0);
      const hasBridge = (netns?: number) => {
        const { fd } = sys.openNetlink(NETLINK_ROUTE, netns);
        const has = sys.ifreq(fd, SIOCGIFINDEX, 'cnkhome0', new Uint8Array(24));
        sys.close(fd);
        return has;
      };
      const where = () => [
        sys.inNetns('/proc/thread-self/ns/net'),
        ...names.map((name) => sys.inNetns(`${dir}/${name}`)),
        hasBridge(b),
      ];
      equal([...where(), ...where()], [true, false, false, false, true, false, false, false]);
      sys.setns(a!, 0x40000000 /* CLONE_NEWNET */);
      equal([hasBridge(), ...where(), hasBridge(home)], [false, true, true, false, false, true]);
      sys.unshare(0x40000000);
      equal([hasBridge(), ...where(), hasBridge(home)], [false, true, false, false, false, true]);
      sys.setns(b!, 0x40000000);
      equal([hasBridge(), ...where()], [false, true, false, true, false]);
      sys.setns(home!, 0x40000000);
      equal([hasBridge(), hasBridge(), ...where()], [true, true, true, false, false, false]);
      equal(sys.run(['ip', 'link', 'del', 'cnkhome0']).status, 0);
      for (const fd of [home, a, b]) {
        sys.close(fd!);
      }
      for (const name of names) {
        sys.umount(`${dir}/${name}`, 2 /* MNT_DETACH */);
      }
    },
  },
  {
    name: 'sendDetached() deletes an interface and reports a refusal',
    run(sys) {
      const fd = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
      sys.bindNetlink(fd, 0);
      const into = new Uint8Array(24);
      const indexOf = (name: string) => {
        sys.ifreq(fd, SIOCGIFINDEX, name, into);
        return new Int32Array(into.buffer)[0] as number;
      };
      const deletion = (name: string) => {
        const message = getLink(false);
        const view = new DataView(message.buffer);
        view.setUint16(4, 17 /* RTM_DELLINK */, true);
        view.setUint16(6, 5 /* NLM_F_REQUEST|NLM_F_ACK */, true);
        view.setInt32(20, indexOf(name), true);
        return message;
      };
      equal(sys.run(['ip', 'link', 'add', 'cnkgone0', 'type', 'veth', 'peer', 'name', 'cnkgone1']).status, 0);
      equal(sys.sendDetached(fd, deletion('cnkgone0'), 'cnkgone0'), 32);
      for (const name of ['cnkgone0', 'cnkgone1']) {
        equal(sys.ifreq(fd, SIOCGIFINDEX, name, into), false);
      }
      // Its answer comes now or later.
      equal(sys.poll(fd, POLLIN, 60_000), POLLIN);
      const answer = new Uint8Array(256);
      sys.recv(fd, answer, 0);
      equal(new DataView(answer.buffer).getInt32(16, true), 0);
      const missing = deletion('lo');
      new DataView(missing.buffer).setInt32(20, 9999, true);
      for (const [message, name, errno] of [
        [deletion('lo'), 'lo', 95 /* EOPNOTSUPP */],
        [missing, 'cnkgone0', 19 /* ENODEV */],
      ] as const) {
        sys.sendDetached(fd, message, name);
        sys.recv(fd, answer, MSG_DONTWAIT);
        equal(new DataView(answer.buffer).getInt32(16, true), -errno);
      }
      sys.close(fd);
    },
  },
  {
    name: 'withNetns() runs its body and programs inside, and leaves even after an exception',
    run(sys, dir) {
      makeNetns(sys, `${dir}/ns`);
      const where = () => sys.readlink('/proc/thread-self/ns/net');
      const home = where();
      const there = withNetns(sys, `${dir}/ns`, where);
      equal([there === home, where()], [false, home]);
      equal(
        withNetns(sys, `${dir}/ns`, () => sys.run(['readlink', '/proc/self/ns/net']).stdout.trim()),
        there,
      );
      try {
        withNetns(sys, `${dir}/ns`, () => {
          throw new Error('inside');
        });
      } catch (error) {
        equal((error as Error).message, 'inside');
      }
      equal(where(), home);
      fails('EINVAL', `${dir}/ns`, () => withNetns(sys, `${dir}/ns`, async () => 0));
      equal(where(), home);
      sys.umount(`${dir}/ns`, 0);
    },
  },
  {
    name: 'mount() and umount() pass data and report errors with the target',
    run(sys, dir) {
      sys.mkdir(`${dir}/m`);
      sys.mount('tmpfs', `${dir}/m`, 'tmpfs', 0, 'size=64k');
      sys.writeText(`${dir}/m/f`, 'x');
      fails('EBUSY', `${dir}/m`, () => {
        const fd = sys.open(`${dir}/m/f`, O_RDONLY | O_NONBLOCK);
        try {
          sys.umount(`${dir}/m`, 0);
        } finally {
          sys.close(fd);
        }
      });
      sys.umount(`${dir}/m`, 0);
      equal(sys.readdir(`${dir}/m`), []);
      fails('ENODEV', `${dir}/m`, () => sys.mount('x', `${dir}/m`, 'no-such-fs', 0));
    },
  },
];
