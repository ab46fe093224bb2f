/**
 * What every adapter of `Sys` must do: one table, run under Node (sys.contract.test.ts) and, compiled into a
 * static executable, under QuickJS (tools/static-exe). So it uses nothing but `Sys` and the language.
 */
import {
  AF_NETLINK,
  errnoOf,
  LOCK_EX,
  LOCK_NB,
  LOCK_UN,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  NETLINK_EXT_ACK,
  NETLINK_ROUTE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  POLLIN,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  SOCK_RAW,
  SOL_NETLINK,
  type Sys,
  SysError,
  withNetns,
} from '@cnikit/sys';

export interface Case {
  /** "method() does x". */
  name: string;
  /** `dir` is an empty directory of its own. Throws when the adapter is wrong. */
  run(sys: Sys, dir: string): void;
}

export function equal(actual: unknown, expected: unknown): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`Got ${clip(a)}, expected ${clip(e)}`);
}

function clip(text: string | undefined): string {
  return text !== undefined && text.length > 200 ? `${text.slice(0, 200)}...` : String(text);
}

export function fails(code: string, path: string | undefined, body: () => unknown): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    equal([error.code, error.errno, error.path], [code, errnoOf(code), path]);
    return;
  }
  throw new Error(`Did not fail, expected ${code}`);
}

/** A netlink message without attributes: RTM_GETLINK of interface 1, or a dump of all. */
function getLink(dump: boolean): Uint8Array {
  const message = new Uint8Array(32);
  const view = new DataView(message.buffer);
  view.setUint32(0, 32, true);
  view.setUint16(4, 18 /* RTM_GETLINK */, true);
  view.setUint16(6, dump ? 0x301 /* NLM_F_REQUEST|NLM_F_DUMP */ : 1, true);
  view.setInt32(20, dump ? 0 : 1, true);
  return message;
}

const MIB = 1 << 20;

const files: Case[] = [
  {
    name: 'open(), write(), read() and close() pass bytes through',
    run(sys, dir) {
      const path = `${dir}/bytes`;
      const out = sys.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600);
      equal(sys.write(out, new Uint8Array([0, 1, 254, 255])), 4);
      sys.fsync(out);
      sys.close(out);
      const into = new Uint8Array(8);
      const fd = sys.open(path, O_RDONLY);
      equal(sys.read(fd, into.subarray(2)), 4);
      equal([...into], [0, 0, 0, 1, 254, 255, 0, 0]);
      equal(sys.read(fd, into), 0);
      sys.close(fd);
      fails('EBADF', undefined, () => sys.close(fd));
    },
  },
  {
    name: 'open() makes descriptors close-on-exec',
    run(sys) {
      const fd = sys.open('/dev/null', O_RDONLY);
      const flags = /flags:\s*(\d+)/.exec(sys.readText(`/proc/self/fdinfo/${fd}`))![1]!;
      sys.close(fd);
      equal(Number.parseInt(flags, 8) & 0o2000000, 0o2000000);
    },
  },
  {
    name: 'open() knows O_DIRECTORY, O_NOFOLLOW and O_EXCL',
    run(sys, dir) {
      sys.writeText(`${dir}/file`, '');
      equal(sys.run(['ln', '-s', 'file', `${dir}/link`]).status, 0);
      equal(sys.readlink(`${dir}/link`), 'file');
      fails('ENOTDIR', `${dir}/file`, () => sys.open(`${dir}/file`, O_RDONLY | O_DIRECTORY));
      fails('ELOOP', `${dir}/link`, () => sys.open(`${dir}/link`, O_RDONLY | O_NOFOLLOW));
      fails('EEXIST', `${dir}/file`, () => sys.open(`${dir}/file`, O_WRONLY | O_CREAT | O_EXCL));
    },
  },
  {
    name: 'open() of a missing file is ENOENT with the path',
    run(sys, dir) {
      fails('ENOENT', `${dir}/none`, () => sys.open(`${dir}/none`, O_RDONLY));
    },
  },
  {
    name: 'a NUL inside a path is EINVAL, not a shorter path',
    run(sys, dir) {
      sys.writeText(`${dir}/a`, 'x');
      fails('EINVAL', `${dir}/a\0b`, () => sys.readText(`${dir}/a\0b`));
      fails('EINVAL', `${dir}/a\0b`, () => sys.unlink(`${dir}/a\0b`));
    },
  },
  {
    name: 'readText() and writeText() carry any Unicode text',
    run(sys, dir) {
      for (const text of ['', 'plain', 'zß水🦊\n', '\0inside\0', 'x'.repeat(100_000)]) {
        sys.writeText(`${dir}/text`, text);
        equal(sys.readText(`${dir}/text`), text);
      }
    },
  },
  {
    name: 'readText() stops at its limit with EFBIG',
    run(sys, dir) {
      sys.writeText(`${dir}/big`, 'y'.repeat(10_000));
      equal(sys.readText(`${dir}/big`, 10_000).length, 10_000);
      fails('EFBIG', `${dir}/big`, () => sys.readText(`${dir}/big`, 9_999));
      fails('EFBIG', '/dev/zero', () => sys.readText('/dev/zero'));
      fails('EISDIR', dir, () => sys.readText(dir));
    },
  },
  {
    name: 'readText() gives U+FFFD for a byte that is not UTF-8',
    run(sys, dir) {
      const fd = sys.open(`${dir}/latin1`, O_WRONLY | O_CREAT);
      sys.write(fd, new Uint8Array([0x61, 0xff, 0x62]));
      sys.close(fd);
      equal(sys.readText(`${dir}/latin1`), 'a\ufffdb');
    },
  },
  {
    name: 'readFdText() reads to the end',
    run(sys) {
      const fd = sys.open('/proc/self/status', O_RDONLY);
      equal(sys.readFdText(fd).startsWith('Name:'), true);
      sys.close(fd);
      fails('EBADF', undefined, () => sys.readFdText(fd));
    },
  },
  {
    name: 'writeText() truncates by default, appends or refuses by flags, and reports a full device',
    run(sys, dir) {
      sys.writeText(`${dir}/f`, 'long text', { mode: 0o600 });
      sys.writeText(`${dir}/f`, 'new');
      equal(sys.readText(`${dir}/f`), 'new');
      equal(sys.stat(`${dir}/f`).mode & 0o777, 0o600);
      fails('EEXIST', `${dir}/f`, () =>
        sys.writeText(`${dir}/f`, '', { flags: O_WRONLY | O_CREAT | O_EXCL }),
      );
      fails('ENOSPC', '/dev/full', () => sys.writeText('/dev/full', 'x', { flags: O_WRONLY }));
      fails('ENOENT', `${dir}/no/f`, () => sys.writeText(`${dir}/no/f`, 'x'));
    },
  },
  {
    name: 'writeFdText() writes all of a long text',
    run(sys, dir) {
      const fd = sys.open(`${dir}/long`, O_WRONLY | O_CREAT);
      sys.writeFdText(fd, 'ü'.repeat(MIB));
      sys.close(fd);
      equal(sys.stat(`${dir}/long`).size, 2 * MIB);
    },
  },
  {
    name: 'mkdir(), link(), rename(), chmod(), readdir(), unlink() and rmdir() change a directory',
    run(sys, dir) {
      sys.mkdir(`${dir}/d`, 0o700);
      sys.writeText(`${dir}/d/a`, 'a');
      sys.link(`${dir}/d/a`, `${dir}/d/b`);
      fails('EEXIST', `${dir}/d/b`, () => sys.link(`${dir}/d/a`, `${dir}/d/b`));
      sys.rename(`${dir}/d/b`, `${dir}/d/ç`);
      sys.chmod(`${dir}/d/a`, 0o640);
      equal(sys.readdir(`${dir}/d`).sort(), ['a', 'ç']);
      equal(sys.stat(`${dir}/d/a`).ino, sys.stat(`${dir}/d/ç`).ino);
      equal(sys.stat(`${dir}/d/a`).mode, S_IFREG | 0o640);
      fails('ENOTEMPTY', `${dir}/d`, () => sys.rmdir(`${dir}/d`));
      sys.unlink(`${dir}/d/a`);
      sys.unlink(`${dir}/d/ç`);
      equal(sys.readdir(`${dir}/d`), []);
      sys.rmdir(`${dir}/d`);
      fails('ENOENT', `${dir}/d`, () => sys.readdir(`${dir}/d`));
    },
  },
  {
    name: 'readdir() lists a directory larger than one read',
    run(sys, dir) {
      const names = Array.from({ length: 1500 }, (_, i) => `entry-with-a-long-name-${i}`).sort();
      for (const name of names) sys.writeText(`${dir}/${name}`, '');
      equal(sys.readdir(dir).sort(), names);
    },
  },
  {
    name: 'stat() follows links and tells type, size and time',
    run(sys, dir) {
      sys.writeText(`${dir}/f`, 'four');
      equal(sys.run(['ln', '-s', 'f', `${dir}/l`]).status, 0);
      const { mode, size, mtimeMs, dev, ino } = sys.stat(`${dir}/l`);
      equal([mode & S_IFMT, size, Math.abs(mtimeMs - sys.realtimeMs()) < 3_600_000], [S_IFREG, 4, true]);
      equal(`${dev} ${ino}`, sys.run(['stat', '-c', '%d %i', `${dir}/f`]).stdout.trim());
      equal(sys.stat(dir).mode & S_IFMT, S_IFDIR);
    },
  },
  {
    name: 'flock() excludes other opens and other processes until unlocked',
    run(sys, dir) {
      const [a, b] = [sys.open(`${dir}/lock`, O_RDWR | O_CREAT), sys.open(`${dir}/lock`, O_RDWR)];
      sys.flock(a, LOCK_EX);
      fails('EAGAIN', undefined, () => sys.flock(b, LOCK_EX | LOCK_NB));
      equal(sys.run(['flock', '-n', '-E', '9', `${dir}/lock`, 'true']).status, 9);
      sys.flock(a, LOCK_UN);
      equal(sys.run(['flock', '-n', '-E', '9', `${dir}/lock`, 'true']).status, 0);
      sys.flock(b, LOCK_EX | LOCK_NB);
      sys.close(a);
      sys.close(b);
    },
  },
];

const processes: Case[] = [
  {
    name: 'getpid(), environ() and the clocks tell of this process',
    run(sys) {
      equal(String(sys.getpid()), sys.readlink('/proc/self'));
      equal(typeof sys.environ().PATH, 'string');
      const start = sys.monotonicMs();
      sys.sleepMs(2);
      equal(sys.monotonicMs() >= start + 2, true);
      equal(sys.realtimeMs() > Date.UTC(2024, 0), true);
    },
  },
  {
    name: 'randomBytes() gives as many as asked, each time others',
    run(sys) {
      const [a, b] = [sys.randomBytes(32), sys.randomBytes(32)];
      equal([a.length, sys.randomBytes(0).length], [32, 0]);
      equal(
        a.some((byte, i) => byte !== b[i]),
        true,
      );
    },
  },
  {
    name: 'run() gives status, output and error output, and passes input',
    run(sys) {
      const script = 'cat; echo oops >&2; exit 3';
      equal(sys.run(['sh', '-c', script], { input: 'given 🦊' }), {
        status: 3,
        signal: 0,
        stdout: 'given 🦊',
        stderr: 'oops\n',
      });
    },
  },
  {
    name: 'run() passes words unchanged: no shell is between',
    run(sys) {
      equal(sys.run(['printf', '%s|', '', '$HOME', '*', 'a b', '"']).stdout, '|$HOME|*|a b|"|');
    },
  },
  {
    name: 'run() hands on the environment, or exactly the one given',
    run(sys) {
      equal(sys.run(['sh', '-c', 'echo "$PATH"']).stdout.trim(), sys.environ().PATH);
      equal(sys.run(['/usr/bin/env'], { env: { A: '1', B: '' } }).stdout, 'A=1\nB=\n');
      equal(sys.run(['/usr/bin/env'], { env: {} }).stdout, '');
    },
  },
  {
    name: 'run() looks argv[0] up in PATH',
    run(sys, dir) {
      sys.mkdir(`${dir}/bin`);
      sys.writeText(`${dir}/bin/tool`, '#!/bin/sh\necho found\n', { mode: 0o755 });
      sys.writeText(`${dir}/bin/data`, 'no program', { mode: 0o644 });
      const env = { PATH: `${dir}/none:${dir}/bin` };
      equal(sys.run(['tool'], { env }).stdout, 'found\n');
      fails('ENOENT', 'missing-tool', () => sys.run(['missing-tool'], { env }));
      fails('EACCES', 'data', () => sys.run(['data'], { env }));
      fails('EACCES', `${dir}/bin/data`, () => sys.run([`${dir}/bin/data`]));
      fails('ENOENT', `${dir}/tool`, () => sys.run([`${dir}/tool`]));
    },
  },
  {
    name: 'run() refuses an empty command and NULs inside words',
    run(sys) {
      fails('EINVAL', undefined, () => sys.run([]));
      fails('EINVAL', '', () => sys.run(['']));
      fails('EINVAL', 'echo', () => sys.run(['echo', 'a\0b']));
      fails('EINVAL', 'echo', () => sys.run(['echo'], { env: { A: 'x\0B=1' } }));
    },
  },
  {
    name: 'run() moves a mebibyte each way at once without a deadlock',
    run(sys) {
      const input = '0123456789abcdef'.repeat(MIB / 16);
      equal(sys.run(['cat'], { input }).stdout === input, true);
      const { stdout, stderr } = sys.run(['sh', '-c', 'tee /dev/stderr'], { input });
      equal([stdout === input, stderr === input], [true, true]);
    },
  },
  {
    name: 'run() does not mind a program that reads no input',
    run(sys) {
      equal(sys.run(['true'], { input: 'x'.repeat(MIB) }).status, 0);
    },
  },
  {
    name: 'run() tells the signal that ended the program',
    run(sys) {
      const { status, signal } = sys.run(['sh', '-c', 'kill -KILL $$']);
      equal([status, signal], [137, 9]);
      // Ours may be ignored, the child's must not be.
      equal(sys.run(['sh', '-c', 'kill -PIPE $$']).signal, 13);
    },
  },
  {
    name: 'run() kills the program after the time-out and leaves no zombie',
    run(sys) {
      fails('ETIMEDOUT', 'sleep', () => sys.run(['sleep', '60'], { timeoutMs: 20 }));
      fails('ETIMEDOUT', 'sh', () =>
        sys.run(['sh', '-c', 'exec >&- 2>&-; exec sleep 60'], { timeoutMs: 20 }),
      );
      equal(sys.run(['true'], { timeoutMs: 60_000 }).status, 0);
      const me = sys.getpid();
      const zombies = sys.run(['ps', '-o', 'pid=,stat=', '--ppid', String(me)]).stdout;
      equal(/ Z/.test(zombies), false);
    },
  },
  {
    name: 'run() ends with its program, though a background process keeps the pipes open',
    run(sys) {
      const { stdout } = sys.run(['sh', '-c', 'sleep 60 & echo $!'], { timeoutMs: 30_000 });
      equal(sys.run(['kill', stdout.trim()]).status, 0);
    },
  },
  {
    name: 'run() gives the program no descriptors but 0, 1 and 2',
    run(sys) {
      const fd = sys.open('/dev/null', O_RDONLY);
      // 3 is the directory that ls itself reads.
      equal(sys.run(['ls', '/proc/self/fd']).stdout.split('\n').filter(Boolean), ['0', '1', '2', '3']);
      sys.close(fd);
    },
  },
  {
    name: 'descriptors do not leak, whether calls succeed or fail',
    run(sys, dir) {
      const count = () => sys.readdir('/proc/self/fd').length;
      const before = count();
      for (let i = 0; i < 50; i++) {
        sys.writeText(`${dir}/f`, 'x');
        sys.readText(`${dir}/f`);
        fails('EFBIG', `${dir}/f`, () => sys.readText(`${dir}/f`, 0));
        sys.readdir(dir);
        fails('ENOENT', './none', () => sys.run(['./none']));
        fails('EINVAL', '/dev/null', () => withNetns(sys, '/dev/null', () => 0));
      }
      sys.run(['true']);
      fails('ETIMEDOUT', 'sleep', () => sys.run(['sleep', '60'], { timeoutMs: 1 }));
      equal(count(), before);
    },
  },
];

const sockets: Case[] = [
  {
    name: 'bindNetlink() gives a port of its own to each socket',
    run(sys) {
      const fds = [0, 1].map(() => sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
      const [a, b] = fds.map((fd) => sys.bindNetlink(fd, 0));
      equal([a! > 0, b! > 0, a === b], [true, true, false]);
      for (const fd of fds) sys.close(fd);
    },
  },
  {
    name: 'setsockopt() and getsockopt() carry ints',
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
    name: 'send(), poll() and recv() talk to the kernel, with the full length by MSG_TRUNC',
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
    name: 'socket() refuses what is no network namespace, and an unknown family',
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

/** Cases for any user and machine. */
export const cases: readonly Case[] = [...files, ...processes, ...sockets];

function dumpHas(sys: Sys, fd: number, name: string): boolean {
  sys.bindNetlink(fd, 0);
  sys.send(fd, getLink(true));
  const into = new Uint8Array(65_536);
  let text = '';
  // NLMSG_DONE (3) ends the dump; it comes in a message of its own here.
  for (;;) {
    const bytes = into.subarray(0, sys.recv(fd, into, 0));
    if (bytes[4] === 3) return text.includes(name);
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

/** Cases that need the rights of the sandbox. */
export const liveCases: readonly Case[] = [
  {
    name: 'socket() opens in another network namespace and comes back',
    run(sys, dir) {
      makeNetns(sys, `${dir}/ns`);
      const before = sys.readlink('/proc/thread-self/ns/net');
      equal(sys.run(['ip', 'link', 'add', 'cnkhome0', 'type', 'bridge']).status, 0);
      const netns = sys.open(`${dir}/ns`, O_RDONLY);
      const there = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, netns);
      const here = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
      equal([dumpHas(sys, there, 'cnkhome0'), dumpHas(sys, here, 'cnkhome0')], [false, true]);
      equal(sys.readlink('/proc/thread-self/ns/net'), before);
      for (const fd of [netns, there, here]) sys.close(fd);
      equal(sys.run(['ip', 'link', 'del', 'cnkhome0']).status, 0);
      sys.umount(`${dir}/ns`, 2 /* MNT_DETACH */);
    },
  },
  {
    name: 'withNetns() runs its body, and programs, inside, and comes back also after an exception',
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
    name: 'mount() and umount() take data and report errors with the target',
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

/** Runs one case in a fresh directory below `base`. */
export function runCase(sys: Sys, base: string, { run }: Case): void {
  const dir = `${base}/case-${[...sys.randomBytes(6)].map((b) => b.toString(16)).join('')}`;
  sys.mkdir(dir);
  try {
    run(sys, dir);
  } finally {
    sys.run(['rm', '-rf', dir]);
  }
}
