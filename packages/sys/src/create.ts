import { checkKeys } from '#check-keys';
import type { Binding } from './binding.ts';
import { O_CREAT, O_TRUNC, O_WRONLY } from './constants.ts';
import { fail } from './fail.ts';
import type { InternalSys } from './internal.ts';
import { socketCalls } from './socket-calls.ts';
import type { FileStatus, RunOptions, RunResult } from './sys.ts';

const ENOENT = 2;
const ENOTDIR = 20;
const EINVAL = 22;
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_PROCESS_CPUTIME_ID = 2;
const TEXT_LIMIT = 1 << 20;

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

/** Returns the `Sys` of a binding. Uses the binding in calls only, because an adapter loads at the first use. */
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
    const texts = binding.run(
      words(argv, path),
      words(list, path),
      env ? 1 : 0,
      options.input ?? '',
      options.timeoutMs ?? -1,
      intBytes,
    );
    if (typeof texts === 'number') {
      return fail('run', texts, path);
    }
    return { status: ints[0]!, signal: ints[1]!, stdout: texts[0]!, stderr: texts[1]! };
  }

  function milliseconds(syscall: string, clock: number): number {
    const result = binding.clock(clock);
    return result < 0 ? fail(syscall, result) : result / 1000;
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
    open(path, flags, mode = 0o666) {
      const result = binding.open(path, flags, mode);
      return result < 0 ? fail('open', result, path) : result;
    },
    close(fd) {
      const result = binding.close(fd);
      if (result < 0) {
        fail('close', result);
      }
    },
    read(fd, into) {
      const result = binding.read(fd, into);
      return result < 0 ? fail('read', result) : result;
    },
    write(fd, data) {
      const result = binding.write(fd, data);
      return result < 0 ? fail('write', result) : result;
    },
    readText(path, maxBytes = TEXT_LIMIT) {
      const result = binding.readText(path, maxBytes);
      return typeof result === 'number' ? fail('readText', result, path) : result;
    },
    readFdText(fd, maxBytes = TEXT_LIMIT) {
      const result = binding.readFdText(fd, maxBytes);
      return typeof result === 'number' ? fail('readFdText', result) : result;
    },
    writeText(path, text, options = {}) {
      checkKeys<'flags' | 'mode'>('writeText', options, { flags: true, mode: true });
      const { flags = O_WRONLY | O_CREAT | O_TRUNC, mode = 0o644 } = options;
      const result = binding.writeText(path, text, flags, mode);
      if (result < 0) {
        fail('writeText', result, path);
      }
    },
    writeFdText(fd, text) {
      const result = binding.writeFdText(fd, text);
      if (result < 0) {
        fail('writeFdText', result);
      }
    },
    fsync(fd) {
      const result = binding.fsync(fd);
      if (result < 0) {
        fail('fsync', result);
      }
    },
    flock(fd, operation) {
      const result = binding.flock(fd, operation);
      if (result < 0) {
        fail('flock', result);
      }
    },
    rename(from, to) {
      const result = binding.rename(from, to);
      if (result < 0) {
        fail('rename', result, from);
      }
    },
    link(from, to) {
      const result = binding.link(from, to);
      if (result < 0) {
        fail('link', result, to);
      }
    },
    unlink(path) {
      const result = binding.unlink(path);
      if (result < 0) {
        fail('unlink', result, path);
      }
    },
    mkdir(path, mode = 0o777) {
      const result = binding.mkdir(path, mode);
      if (result < 0) {
        fail('mkdir', result, path);
      }
    },
    rmdir(path) {
      const result = binding.rmdir(path);
      if (result < 0) {
        fail('rmdir', result, path);
      }
    },
    readdir(path) {
      const result = binding.readdir(path);
      return typeof result === 'number' ? fail('readdir', result, path) : result;
    },
    chmod(path, mode) {
      const result = binding.chmod(path, mode);
      if (result < 0) {
        fail('chmod', result, path);
      }
    },
    stat(path) {
      const result = binding.stat(path, doubleBytes);
      if (result < 0) {
        fail('stat', result, path);
      }
      return status();
    },
    statIfExists(path) {
      const result = binding.stat(path, doubleBytes);
      if (result === -ENOENT || result === -ENOTDIR) {
        return undefined;
      }
      return result < 0 ? fail('statIfExists', result, path) : status();
    },
    readlink(path) {
      const result = binding.readlink(path);
      return typeof result === 'number' ? fail('readlink', result, path) : result;
    },

    getpid() {
      const result = binding.getpid();
      return result < 0 ? fail('getpid', result) : result;
    },
    environ(beginnings = '') {
      const result = binding.environ(beginnings);
      return typeof result === 'number' ? fail('environ', result) : result;
    },
    exit: (status) => binding.exit(status),
    monotonicMs: () => milliseconds('monotonicMs', CLOCK_MONOTONIC),
    cpuMs: () => milliseconds('cpuMs', CLOCK_PROCESS_CPUTIME_ID),
    realtimeMs: () => milliseconds('realtimeMs', CLOCK_REALTIME),
    sleepMs(ms) {
      const result = binding.sleepMs(ms);
      if (result < 0) {
        fail('sleepMs', result);
      }
    },
    randomBytes(count) {
      const bytes = new Uint8Array(count);
      const result = binding.random(bytes);
      return result < 0 ? fail('randomBytes', result) : bytes;
    },
    run,

    setns(fd, nstype) {
      const result = binding.setns(fd, nstype);
      if (result < 0) {
        fail('setns', result);
      }
    },
    unshare(flags) {
      const result = binding.unshare(flags);
      if (result < 0) {
        fail('unshare', result);
      }
    },
    mount(source, target, fstype, flags, data = '') {
      const result = binding.mount(source, target, fstype, flags, data);
      if (result < 0) {
        fail('mount', result, target);
      }
    },
    umount(target, flags) {
      const result = binding.umount(target, flags);
      if (result < 0) {
        fail('umount', result, target);
      }
    },
    inNetns(path) {
      const result = binding.inNetns(path);
      return result < 0 ? fail('inNetns', result, path) : result === 1;
    },

    ...socketCalls(binding),
  };
}
