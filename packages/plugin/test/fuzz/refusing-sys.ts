import { fakePeer } from '@cnikit/netlink/testing';
import { O_CREAT, type Sys, SysError } from '@cnikit/sys';
import type { FuzzCase } from './cases.ts';
import type { Reply } from './verdict.ts';

const ENOENT = 2;
const EPERM = 1;
const ENODEV = 19;
const EROFS = 30;
const STDIN = 0;
const STDOUT = 1;
const CONNTRACK = 1;
const NFTABLES = 10;

/** Returns true for a read-only message: rtnetlink numbers NEW, DEL, GET, SET in turn, nftables NEW, GET, DEL. */
function isGet(type: number): boolean {
  const [subsystem, number] = [type >> 8, type & 0xff];
  if (subsystem === NFTABLES) {
    return number % 3 === 1;
  }
  if (subsystem === CONNTRACK) {
    return number === 1;
  }
  return type < 16 || (type & 3) === 2;
}

/** Thrown by `exit`. */
export class Exit extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

/** A kernel with one namespace, without links and files, that rejects and records every change. */
export interface RefusingSys {
  sys: Sys;
  /** Begins an invocation. */
  begin(input: FuzzCase): void;
  reply: Reply;
  /** Attempted changes. */
  attempts: string[];
}

export function refusingSys(netns: string): RefusingSys {
  let input: FuzzCase | undefined;
  let clock = 0;
  const refusing: RefusingSys = {
    sys: {} as Sys,
    reply: { exitCode: -1, stdout: '' },
    attempts: [],
    begin(next) {
      input = next;
      refusing.reply = { exitCode: -1, stdout: '' };
      refusing.attempts = [];
    },
  };
  const fail = (syscall: string, errno: number, path?: string): never => {
    throw new SysError({ syscall, errno, path });
  };
  const attempt = (syscall: string, path = ''): never => {
    refusing.attempts.push(`${syscall} ${path}`);
    return fail(syscall, EROFS, path);
  };
  const missing = (syscall: string) => (path: string) => fail(syscall, ENOENT, path);
  const { sys: netlink } = fakePeer((request, answer) => {
    if (isGet(request.type)) {
      if ((request.flags & 0x300) === 0) {
        answer.ack(request.type < 0x100 ? ENODEV : ENOENT);
      }
      return;
    }
    refusing.attempts.push(`netlink ${request.type}`);
    answer.ack(EPERM);
  });
  refusing.sys = {
    ...netlink,
    environ: () => ({ ...input?.env }),
    readFdText: (fd) => (fd === STDIN ? (input?.stdin ?? '') : fail('readFdText', ENOENT)),
    writeFdText(fd, text) {
      if (fd === STDOUT) {
        refusing.reply.stdout += text;
      }
    },
    exit(status): never {
      throw new Exit(status);
    },
    open(path, flags, mode) {
      if ((flags & O_CREAT) !== 0) {
        return attempt('open', path);
      }
      return path === netns || path.startsWith('/proc/')
        ? netlink.open(path, flags, mode)
        : fail('open', ENOENT, path);
    },
    readText: (path) => (path.startsWith('/proc/sys/net/') ? '0\n' : fail('readText', ENOENT, path)),
    statIfExists: () => undefined,
    stat: missing('stat'),
    readdir: missing('readdir'),
    readlink: missing('readlink'),
    writeText: (path) => attempt('writeText', path),
    rename: (path) => attempt('rename', path),
    link: (_, path) => attempt('link', path),
    unlink: (path) => attempt('unlink', path),
    mkdir: (path) => attempt('mkdir', path),
    rmdir: (path) => attempt('rmdir', path),
    chmod: (path) => attempt('chmod', path),
    run: ([program]) => attempt('run', program),
    setns() {},
    getpid: () => 1,
    monotonicMs: () => ++clock,
    realtimeMs: () => ++clock,
    sleepMs() {},
    randomBytes: (count) => new Uint8Array(count),
  };
  return refusing;
}
