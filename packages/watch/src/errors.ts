/** One error class for everything that can go wrong between this process and the API server. */

/**
 * - `CONNECT`: no connection, a broken one, or a TLS failure; `cause` has Node's error
 * - `CREDENTIALS`: the kubeconfig's credentials could not be read or made
 * - `HTTP`: the server answered with another status than 200; `status` has it
 * - `EXPIRED`: 410, as status or as ERROR event: the wanted history is gone
 * - `IDLE`: not a byte for too long
 * - `PROTOCOL`: the server sent what is no JSON, too large, or no Kubernetes list or event
 */
export type WatchErrorCode = 'CONNECT' | 'CREDENTIALS' | 'HTTP' | 'EXPIRED' | 'IDLE' | 'PROTOCOL';

/** Why a request or a watch failed. */
export class WatchError extends Error {
  readonly code: WatchErrorCode;
  /** HTTP status, or the code of the Status object in an ERROR event. */
  readonly status: number | undefined;
  /** How long the server wants to be left alone, ms. */
  readonly retryAfterMs: number | undefined;
  /** No connection came to be, so that the server had no work by it: nobody listens, or nobody is there. */
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
  401: 'the token or client certificate is not accepted: renew it',
  403: 'grant the verbs list and watch on this resource to this user',
  404: 'check the path, and that the resource is installed',
};

/** The error for an answer that is not 200, with the server's own words where it sent a Status. */
export function errorFromAnswer(
  status: number,
  body: string,
  retryAfter: string | undefined,
  now: number,
): WatchError {
  let parsed: StatusLike = {};
  try {
    parsed = (JSON.parse(body) ?? {}) as StatusLike;
  } catch {
    // A proxy's HTML or nothing at all: the status alone has to do.
  }
  const words = typeof parsed.message === 'string' ? `: ${parsed.message}` : '';
  const hint = HINTS[status] === undefined ? '' : ` (${HINTS[status]})`;
  return new WatchError(
    isExpired(status, parsed) ? 'EXPIRED' : 'HTTP',
    `The API server answered ${status}${words}${hint}`,
    {
      status,
      retryAfterMs: parseRetryAfter(retryAfter, now) ?? retryAfterOf(parsed),
    },
  );
}

interface StatusLike {
  code?: unknown;
  message?: unknown;
  details?: { retryAfterSeconds?: unknown; causes?: { reason?: unknown }[] } | null;
}

/** Neither history that is gone nor one that is still to come can be watched: list anew. */
function isExpired(status: number, { details }: StatusLike): boolean {
  const causes = Array.isArray(details?.causes) ? details.causes : [];
  return status === 410 || causes.some((cause) => cause?.reason === 'ResourceVersionTooLarge');
}

/** The error for an ERROR event, whose object is a Status. */
export function errorFromEvent(object: unknown): WatchError {
  const parsed = (object ?? {}) as StatusLike;
  const status = typeof parsed.code === 'number' ? parsed.code : 0;
  return new WatchError(
    isExpired(status, parsed) ? 'EXPIRED' : 'HTTP',
    `The API server ended the watch: ${parsed.message ?? 'it gave no reason'}`,
    { status, retryAfterMs: retryAfterOf(parsed) },
  );
}

function retryAfterOf(status: StatusLike): number | undefined {
  const seconds = status.details?.retryAfterSeconds;
  return typeof seconds === 'number' && seconds >= 0 ? seconds * 1000 : undefined;
}

/** Retry-After (RFC 9110 section 10.2.3): seconds or a date; ms from `now`, undefined when unusable. */
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
