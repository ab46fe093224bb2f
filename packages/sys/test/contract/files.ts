/** Files, directories, locks. */
import {
  LOCK_EX,
  LOCK_NB,
  LOCK_UN,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from '@cnikit/sys';
import { type Case, equal, fails } from './case.ts';

const MIB = 1 << 20;

export const fileCases: readonly Case[] = [
  {
    name: 'open(), write(), read() and close() preserve bytes',
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
    name: 'open() honours O_DIRECTORY, O_NOFOLLOW and O_EXCL',
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
    name: 'open() throws ENOENT with the path of a missing file',
    run(sys, dir) {
      fails('ENOENT', `${dir}/none`, () => sys.open(`${dir}/none`, O_RDONLY));
    },
  },
  {
    name: 'open() throws EINVAL for a path that contains NUL',
    run(sys, dir) {
      sys.writeText(`${dir}/a`, 'x');
      fails('EINVAL', `${dir}/a\0b`, () => sys.readText(`${dir}/a\0b`));
      fails('EINVAL', `${dir}/a\0b`, () => sys.unlink(`${dir}/a\0b`));
    },
  },
  {
    name: 'readText() and writeText() preserve any Unicode text',
    run(sys, dir) {
      for (const text of ['', 'plain', 'zß水🦊\n', '\0inside\0', 'x'.repeat(100_000)]) {
        sys.writeText(`${dir}/text`, text);
        equal(sys.readText(`${dir}/text`), text);
      }
    },
  },
  {
    name: 'readText() throws EFBIG above its limit',
    run(sys, dir) {
      sys.writeText(`${dir}/big`, 'y'.repeat(10_000));
      equal(sys.readText(`${dir}/big`, 10_000).length, 10_000);
      fails('EFBIG', `${dir}/big`, () => sys.readText(`${dir}/big`, 9_999));
      fails('EFBIG', '/dev/zero', () => sys.readText('/dev/zero'));
      fails('EISDIR', dir, () => sys.readText(dir));
    },
  },
  {
    name: 'readText() replaces bytes that are not UTF-8 with U+FFFD',
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
    name: 'writeText() truncates by default, obeys O_APPEND and O_EXCL, and reports a full device',
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
    name: 'writeFdText() writes a long text completely',
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
      for (const name of names) {
        sys.writeText(`${dir}/${name}`, '');
      }
      equal(sys.readdir(dir).sort(), names);
    },
  },
  {
    name: 'statIfExists() returns undefined only for a missing file',
    run(sys, dir) {
      sys.writeText(`${dir}/f`, '');
      equal(sys.run(['ln', '-s', 'gone', `${dir}/dangling`]).status, 0);
      equal(sys.run(['ln', '-s', 'loop', `${dir}/loop`]).status, 0);
      const found = ['.', 'f', 'gone', 'f/below', 'dangling'].map(
        (name) => sys.statIfExists(`${dir}/${name}`)?.ino,
      );
      equal(found, [sys.stat(dir).ino, sys.stat(`${dir}/f`).ino, undefined, undefined, undefined]);
      fails('ELOOP', `${dir}/loop`, () => sys.statIfExists(`${dir}/loop`));
    },
  },
  {
    name: 'stat() follows links and returns type, size and time',
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
