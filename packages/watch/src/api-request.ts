import { checkKeys } from './check-keys.ts';
import { statusMessage, WatchError } from './errors.ts';
import { send } from './http.ts';
import type { KubeConfigLike } from './transport.ts';

/** Larger than any single object that the API server stores. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** A single request to the API server. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, such as `/api/v1/nodes/n1`. */
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  /**
   * Media type of the body, such as a patch type.
   *
   * @default 'application/json'
   */
  contentType?: string | undefined;
  /**
   * Time limit for the whole request, ms.
   *
   * @default 30_000
   */
  timeoutMs?: number | undefined;
}

/**
 * Sends one request with the credentials that the files of the kubeconfig hold now, and returns the JSON of the response.
 *
 * @throws {WatchError} `HTTP` with `status` for a status other than 2xx, `CONNECT` when the server cannot be reached,
 *   `IDLE` when the time limit is exceeded, `CREDENTIALS` and `PROTOCOL`
 * @throws {TypeError} for an unknown key of the request
 */
export async function apiRequest(
  kubeConfig: KubeConfigLike,
  request: ApiRequest,
  userAgent = 'cnikit-watch',
): Promise<unknown> {
  checkKeys<keyof ApiRequest>('request', request, {
    method: true,
    path: true,
    body: true,
    contentType: true,
    timeoutMs: true,
  });
  const { method, path, body, contentType = 'application/json', timeoutMs = 30_000 } = request;
  const signal = AbortSignal.timeout(timeoutMs);
  const content = body === undefined ? {} : { body: JSON.stringify(body), contentType };
  try {
    const answer = await send(kubeConfig, { method, path, userAgent, ...content }, signal);
    const text = await readText(answer.body);
    if (answer.status < 200 || answer.status > 299) {
      throw new WatchError(
        'HTTP',
        `${method} ${path} failed with status ${answer.status}${statusMessage(text)}`,
        {
          status: answer.status,
        },
      );
    }
    return parse(text, `${method} ${path}`);
  } catch (error) {
    if (signal.aborted) {
      throw new WatchError('IDLE', `${method} ${path}: no response within ${timeoutMs / 1000} seconds`, {
        cause: error,
      });
    }
    throw error;
  }
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of body) {
      pieces.push(piece);
      size += piece.length;
      if (size > MAX_BODY_BYTES) {
        break;
      }
    }
  } catch (error) {
    const cause = error as Error;
    throw new WatchError('CONNECT', `The connection to the API server broke: ${cause.message}`, { cause });
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parse(text: string, request: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new WatchError('PROTOCOL', `${request}: the response is not JSON`, { cause });
  }
}
