import { errnoMeaning, errnoName } from './errno.ts';

/** The properties of a `SysError`. */
export interface SysErrorInit {
  /** The method of `Sys` that failed. */
  syscall: string;
  /** Positive, as in errno.h. */
  errno: number;
  /** The file or program of the call. */
  path?: string | undefined;
  /** Replaces the kernel's explanation. */
  message?: string;
  cause?: unknown;
}

/** A failed system call. Branch on `code`, not on the message. */
export class SysError extends Error {
  override readonly name = 'SysError';
  readonly syscall: string;
  readonly errno: number;
  /** The kernel's name: 'ENOENT', 'EAGAIN'... */
  readonly code: string;
  declare readonly path?: string;

  constructor(init: SysErrorInit) {
    const { syscall, errno, path } = init;
    const subject = path === undefined ? '' : ` ${JSON.stringify(path)}`;
    const meaning = init.message ?? errnoMeaning(errno) ?? 'Unknown error';
    const code = errnoName(errno);
    super(`${meaning} (${syscall}${subject}: ${code})`);
    if (init.cause !== undefined) {
      this.cause = init.cause;
    }
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
    if (path !== undefined) {
      this.path = path;
    }
  }
}
