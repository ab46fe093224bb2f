import { errnoMeaning, errnoName, SysError } from '@cnikit/sys';
import type { ExtendedAck } from './codec/ack.ts';
import type { Request } from './codec/request.ts';

export interface NetlinkErrorInit {
  /** Positive. */
  errno: number;
  /** Begins the message: "Kernel refused", "No answer to". */
  problem: string;
  request?: Request;
  extack?: ExtendedAck;
  index?: number;
  cause?: unknown;
}

/** The kernel refused a request, or the conversation with it failed. Branch on `code`, never on the text. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** `EEXIST`, `ENODEV`, …: the name of `errno`. */
  readonly code: string;
  readonly errno: number;
  /** The kernel's own words and the attribute that it points at. */
  readonly extack?: ExtendedAck;
  /** What was asked. Its `payload` is what `extack.offset` (less the 16-byte header) points into. */
  readonly request?: Request;
  /** In a batch: which request it was, from 0. */
  readonly index?: number;
  /** In a batch: every failure, this one first. */
  failures: readonly NetlinkError[] = [];

  constructor({ errno, problem, request, extack, index, cause }: NetlinkErrorInit) {
    const code = errnoName(errno);
    const words = extack?.message ?? errnoMeaning(errno) ?? 'unknown error';
    super(`${problem}${request === undefined ? '' : ` ${request.describe}`}: ${code}, ${words}`, { cause });
    this.code = code;
    this.errno = errno;
    if (extack !== undefined) {
      this.extack = extack;
    }
    if (request !== undefined) {
      this.request = request;
    }
    if (index !== undefined) {
      this.index = index;
    }
  }
}

/** What `body` gives; undefined when it fails with this code, of the kernel's answer or of a call. */
export function undefinedOn<T>(code: string, body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    if ((error instanceof NetlinkError || error instanceof SysError) && error.code === code) {
      return undefined;
    }
    throw error;
  }
}
