import { errnoMeaning, errnoName } from '@cnikit/sys';
import type { Ack, ExtendedAck } from './codec/ack.ts';
import type { Request } from './codec/request.ts';

/** The properties of a `NetlinkError`. */
export interface NetlinkErrorInit {
  /** Positive, as in errno.h. */
  errno: number;
  /** Begins the message: "Kernel refused", "No answer to". */
  problem: string;
  request?: Request | undefined;
  extack?: ExtendedAck | undefined;
  index?: number | undefined;
  cause?: unknown;
}

/** The kernel refused a request, or the conversation with it failed. Branch on `code`, never on the message. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** The name of `errno`: `EEXIST`, `ENODEV`, …, or of ipset's own, such as `IPSET_ERR_BUSY`. */
  readonly code: string;
  readonly errno: number;
  /** The kernel's explanation, and the attribute that it refused. */
  readonly extack?: ExtendedAck;
  /** The request that failed. `extack.offset`, less the 16-byte header, points into its `payload`. */
  readonly request?: Request;
  /** Index of the request in a batch. */
  readonly index?: number;
  /** All failures of a batch, this one first. */
  failures: readonly NetlinkError[] = [];

  constructor({ errno, problem, request, extack, index, cause }: NetlinkErrorInit) {
    const [code, meaning] = request?.errno?.(errno) ?? [errnoName(errno), errnoMeaning(errno)];
    const explanation = extack?.message ?? meaning ?? 'unknown error';
    super(`${problem}${request === undefined ? '' : ` ${request.describe}`}: ${code}, ${explanation}`, {
      cause,
    });
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

/** Returns the error of an acknowledgement that refuses a request. */
export function refusal({ errno, extack }: Ack, request: Request, index?: number): NetlinkError {
  return new NetlinkError({ errno, problem: 'Kernel refused', request, extack, index });
}
