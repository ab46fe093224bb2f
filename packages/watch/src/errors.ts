/** The error class for all failures between this process and the API server. */

/**
 * - `CONNECT`: connection refused or broken, or a TLS failure; `cause` is Node's error
 * - `CREDENTIALS`: the credentials of the kubeconfig could not be read or obtained
 * - `HTTP`: the server answered with an error status; see `status`
 * - `EXPIRED`: 410 as status or ERROR event: the requested history is gone
 * - `IDLE`: the server sent nothing within the time limit
 * - `PROTOCOL`: the response is not JSON, exceeds the size limit, or is not a Kubernetes list or event
 */
export type WatchErrorCode = 'CONNECT' | 'CREDENTIALS' | 'HTTP' | 'EXPIRED' | 'IDLE' | 'PROTOCOL';

/** A failed request or watch. */
export class WatchError extends Error {
  readonly code: WatchErrorCode;
  /** HTTP status, or the code of the Status object in an ERROR event. */
  readonly status: number | undefined;
  /** Delay requested by the server, ms. */
  readonly retryAfterMs: number | undefined;
  /** No connection was established: the port is closed or the machine does not answer. */
  readonly unreached: boolean;

  constructor(
    code: WatchErrorCode,
    message: string,
    extra: { status?: number; retryAfterMs?: number | undefined; unreached?: boolean; cause?: unknown } = {},
  ) {
    super(message, extra.cause === undefined ? {} : { cause: extra.cause });
    this.name = 'WatchError';
    this.code = code;
    this.status = extra.status;
    this.retryAfterMs = extra.retryAfterMs;
    this.unreached = extra.unreached ?? false;
  }
}

const HINTS: Record<number, string> = {
  401: 'renew the token or client certificate',
  403: 'grant this user the verbs list and watch on this resource',
  404: 'check the path and whether the resource is installed',
};

/** Returns the error for a status other than 200, with the message of the server's Status if there is one. */
export function errorFromAnswer(
  status: number,
  body: string,
  retryAfter: string | undefined,
  now: number,
): WatchError {
  const parsed = parseStatus(body);
  const hint = HINTS[status] === undefined ? '' : ` (${HINTS[status]})`;
  return new WatchError(
    isExpired(status, parsed) ? 'EXPIRED' : 'HTTP',
    `The API server answered ${status}${messageOf(parsed)}${hint}`,
    {
      status,
      retryAfterMs: parseRetryAfter(retryAfter, now) ?? retryAfterOf(parsed),
    },
  );
}

/** Returns the message of the Status in a response body, with a colon before it; empty if there is none. */
export const statusMessage = (body: string): string => messageOf(parseStatus(body));

const messageOf = ({ message }: StatusLike): string => (typeof message === 'string' ? `: ${message}` : '');

function parseStatus(body: string): StatusLike {
  try {
    return (JSON.parse(body) ?? {}) as StatusLike;
  } catch {
    // HTML from a proxy, or an empty body: only the status is known.
    return {};
  }
}

interface StatusLike {
  code?: unknown;
  message?: unknown;
  details?: { retryAfterSeconds?: unknown; causes?: { reason?: unknown }[] } | null;
}

/** History that is gone, or newer than the server's, cannot be watched: a new list is needed. */
function isExpired(status: number, { details }: StatusLike): boolean {
  const causes = Array.isArray(details?.causes) ? details.causes : [];
  return status === 410 || causes.some((cause) => cause?.reason === 'ResourceVersionTooLarge');
}

/** Returns the error for an ERROR event, whose object is a Status. */
export function errorFromEvent(object: unknown): WatchError {
  const parsed = (object ?? {}) as StatusLike;
  const status = typeof parsed.code === 'number' ? parsed.code : 0;
  return new WatchError(
    isExpired(status, parsed) ? 'EXPIRED' : 'HTTP',
    `The API server ended the watch: ${parsed.message ?? 'no reason given'}`,
    { status, retryAfterMs: retryAfterOf(parsed) },
  );
}

function retryAfterOf(status: StatusLike): number | undefined {
  const seconds = status.details?.retryAfterSeconds;
  // In protobuf no delay is a zero.
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
}

/** Parses Retry-After (RFC 9110 section 10.2.3), seconds or a date, to ms from `now`; undefined if invalid. */
export function parseRetryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  if (/^\d+$/.test(text.trim())) {
    return Number(text) * 1000;
  }
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
