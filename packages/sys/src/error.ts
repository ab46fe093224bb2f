import { errnoMeaning, errnoName } from './errno.ts';

/** What a failed call tells. */
export interface SysErrorInit {
  /** The method of `Sys` that failed. */
  syscall: string;
  /** Positive, as in errno.h. */
  errno: number;
  /** The file or program the call was about. */
  path?: string | undefined;
  /** In place of the kernel's words, when we know better. */
  message?: string;
  cause?: unknown;
}

/** A call to the kernel that failed. Branch on `code`, not on the message. */
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
