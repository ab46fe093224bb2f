import { checkKeys } from '#check-keys';
import type { Binding } from './binding.ts';
import { O_CREAT, O_TRUNC, O_WRONLY } from './constants.ts';
import { SysError } from './error.ts';
import type { InternalSys } from './internal.ts';
import type { FileStatus, RunOptions, RunResult } from './sys.ts';

const ENOENT = 2;
const ENODEV = 19;
const ENOTDIR = 20;
const EINVAL = 22;
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_PROCESS_CPUTIME_ID = 2;
const TEXT_LIMIT = 1 << 20;

/** Throws the error of a negative result. */
function fail(syscall: string, result: number, path?: string): never {
  throw new SysError({ syscall, errno: -result, path });
}

/** Returns a number result, or throws its error. */
function number(syscall: string, result: number, path?: string): number {
  if (result < 0) {
    fail(syscall, result, path);
  }
  return result;
}

/** Returns a result other than a number, or throws its error. */
function value<T extends string | object>(syscall: string, result: T | number, path?: string): T {
  return typeof result === 'number' ? fail(syscall, result, path) : result;
}

/** Joins the arguments of `run()` as 'a\0b\0'. */
function words(list: readonly string[], path: string | undefined): string {
  let joined = '';
  for (const word of list) {
    if (word.includes('\0')) {
      fail('run', -EINVAL, path);
    }
    joined += `${word}\0`;
  }
  return joined;
}

/** Returns the `Sys` of a binding, whose functions are used by the calls only. */
export function createSys(binding: Binding): InternalSys {
  const doubles = new Float64Array(5);
  const doubleBytes = new Uint8Array(doubles.buffer);
  const ints = new Int32Array(2);
  const intBytes = new Uint8Array(ints.buffer);

  function run(argv: readonly string[], options: RunOptions = {}): RunResult {
    if (!Array.isArray(argv)) {
      throw new TypeError('run: expected a list');
    }
    checkKeys<keyof RunOptions>('run', options, { env: true, input: true, timeoutMs: true });
    const path: string | undefined = argv[0];
    if (!path) {
      fail('run', -EINVAL, path);
    }
    const env = options.env;
    const list = env ? Object.keys(env).map((name) => `${name}=${env[name]}`) : [];
    const texts = value(
      'run',
      binding.run(
        words(argv, path),
        words(list, path),
        env ? 1 : 0,
        options.input ?? '',
        options.timeoutMs ?? -1,
        intBytes,
      ),
      path,
    );
    return { status: ints[0]!, signal: ints[1]!, stdout: texts[0]!, stderr: texts[1]! };
  }

  /** Returns the result of the last stat(2). */
  function status(): FileStatus {
    return {
      dev: doubles[0]!,
      ino: doubles[1]!,
      mode: doubles[2]!,
      size: doubles[3]!,
      mtimeMs: doubles[4]!,
    };
  }

  return {
    open: (path, flags, mode = 0o666) => number('open', binding.open(path, flags, mode), path),
    close(fd) {
      number('close', binding.close(fd));
    },
    read: (fd, into) => number('read', binding.read(fd, into)),
    write: (fd, data) => number('write', binding.write(fd, data)),
    readText: (path, maxBytes = TEXT_LIMIT) => value('readText', binding.readText(path, maxBytes), path),
    readFdText: (fd, maxBytes = TEXT_LIMIT) => value('readFdText', binding.readFdText(fd, maxBytes)),
    writeText(path, text, options = {}) {
      checkKeys<'flags' | 'mode'>('writeText', options, { flags: true, mode: true });
      const { flags = O_WRONLY | O_CREAT | O_TRUNC, mode = 0o644 } = options;
      number('writeText', binding.writeText(path, text, flags, mode), path);
    },
    writeFdText(fd, text) {
      number('writeFdText', binding.writeFdText(fd, text));
    },
    fsync(fd) {
      number('fsync', binding.fsync(fd));
    },
    flock(fd, operation) {
      number('flock', binding.flock(fd, operation));
    },
    rename(from, to) {
      number('rename', binding.rename(from, to), from);
    },
    link(from, to) {
      number('link', binding.link(from, to), to);
    },
    unlink(path) {
      number('unlink', binding.unlink(path), path);
    },
    mkdir(path, mode = 0o777) {
      number('mkdir', binding.mkdir(path, mode), path);
    },
    rmdir(path) {
      number('rmdir', binding.rmdir(path), path);
    },
    readdir: (path) => value('readdir', binding.readdir(path), path),
    chmod(path, mode) {
      number('chmod', binding.chmod(path, mode), path);
    },
    stat(path) {
      number('stat', binding.stat(path, doubleBytes), path);
      return status();
    },
    statIfExists(path) {
      const result = binding.stat(path, doubleBytes);
      if (result === -ENOENT || result === -ENOTDIR) {
        return undefined;
      }
      number('statIfExists', result, path);
      return status();
    },
    readlink: (path) => value('readlink', binding.readlink(path), path),

    getpid: () => number('getpid', binding.getpid()),
    environ: (beginnings = '') => value('environ', binding.environ(beginnings)),
    exit: (status) => binding.exit(status),
    monotonicMs: () => number('monotonicMs', binding.clock(CLOCK_MONOTONIC)) / 1000,
    cpuMs: () => number('cpuMs', binding.clock(CLOCK_PROCESS_CPUTIME_ID)) / 1000,
    realtimeMs: () => number('realtimeMs', binding.clock(CLOCK_REALTIME)) / 1000,
    sleepMs(ms) {
      number('sleepMs', binding.sleepMs(ms));
    },
    randomBytes(count) {
      const bytes = new Uint8Array(count);
      number('randomBytes', binding.random(bytes));
      return bytes;
    },
    run,

    setns(fd, nstype) {
      number('setns', binding.setns(fd, nstype));
    },
    unshare(flags) {
      number('unshare', binding.unshare(flags));
    },
    mount(source, target, fstype, flags, data = '') {
      number('mount', binding.mount(source, target, fstype, flags, data), target);
    },
    umount(target, flags) {
      number('umount', binding.umount(target, flags), target);
    },
    inNetns: (path) => number('inNetns', binding.inNetns(path), path) === 1,

    socket: (domain, type, protocol, netnsFd = -1) =>
      number('socket', binding.socket(domain, type, protocol, netnsFd)),
    openNetlink(protocol, netnsFd = -1) {
      const fd = number('openNetlink', binding.openNetlink(protocol, netnsFd, intBytes));
      return { fd, port: ints[0]! >>> 0 };
    },
    bindNetlink: (fd, groups) => number('bindNetlink', binding.bindNetlink(fd, groups)),
    bindUnix(fd, path) {
      number('bindUnix', binding.bindUnix(fd, path), path);
    },
    connectUnix(fd, path) {
      number('connectUnix', binding.connectUnix(fd, path), path);
    },
    setsockopt(fd, level, name, option) {
      number('setsockopt', binding.setsockopt(fd, level, name, option));
    },
    getsockopt(fd, level, name) {
      number('getsockopt', binding.getsockopt(fd, level, name, intBytes));
      return ints[0]!;
    },
    ifreq(fd, request, name, bytes) {
      const result = binding.ifreq(fd, request, name, bytes);
      return result !== -ENODEV && number('ifreq', result) >= 0;
    },
    driver: (fd, name) => value('driver', binding.driver(fd, name)),
    send: (fd, data) => number('send', binding.send(fd, data)),
    sendDetached: (fd, data, name) => number('sendDetached', binding.sendDetached(fd, data, name)),
    recv: (fd, into, flags) => number('recv', binding.recv(fd, into, flags)),
    poll: (fd, events, timeoutMs) => number('poll', binding.poll(fd, events, timeoutMs)),
  };
}
