import { request as httpsRequest, type RequestOptions } from 'node:https';
import { renewCredentials, requestOptions } from './credentials.ts';
import { WatchError } from './errors.ts';
import { GATHERED_HIGH_WATER_MARK, gathered, pauseOf } from './gather.ts';
import type { Answer, KubeConfigLike, Transport } from './transport.ts';

/** TCP keepalive, so that the kernel detects a dead peer too. */
const KEEPALIVE_MS = 30_000;

/**
 * Connect timeout. A powered-off machine or a dropping packet filter sends no answer, and the kernel's own SYN backoff
 * would miss the server's return by up to half a minute.
 */
const CONNECT_MS = 3000;

/**
 * Sends requests with node:https, the client with the smallest memory footprint. Each request opens its own connection,
 * so that it uses rotated tokens and certificates, resolves the name again, and lets a load balancer spread the watches.
 */
export function httpTransport(kubeConfig: KubeConfigLike, userAgent = 'cnikit-watch'): Transport {
  return {
    get: (path, signal, options) => send(kubeConfig, { method: 'GET', path, userAgent, ...options }, signal),
  };
}

/** A request before the server and the credentials are added. */
export interface HttpRequest {
  method: string;
  path: string;
  userAgent: string;
  body?: string | undefined;
  contentType?: string | undefined;
  gatherMs?: number | undefined;
  /** Value of the Accept header; default JSON. */
  accept?: string | undefined;
}

/**
 * Sends a request and resolves once the response headers have arrived, for any status.
 *
 * @throws {WatchError} `CREDENTIALS` or `CONNECT`
 */
export async function send(
  kubeConfig: KubeConfigLike,
  { method, path, userAgent, body, contentType, gatherMs = 0, accept = 'application/json' }: HttpRequest,
  signal: AbortSignal,
): Promise<Answer> {
  const { server, options } = await unlessAborted(requestOptions(kubeConfig), signal);
  const content =
    body === undefined ? {} : { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) };
  options.headers = { Accept: accept, 'User-Agent': userAgent, ...content, ...options.headers };
  const answer = await open(new URL(server + path), { ...options, method }, body, gatherMs, signal);
  if (answer.status === 401) {
    renewCredentials(kubeConfig);
  }
  return answer;
}

function open(
  url: URL,
  options: RequestOptions,
  body: string | undefined,
  gatherMs: number,
  signal: AbortSignal,
): Promise<Answer> {
  const reading = gatherMs > 0 ? { highWaterMark: GATHERED_HIGH_WATER_MARK } : {};
  return new Promise((resolve, reject) => {
    // Importing node:http initialises 14 MB that HTTPS clients never use.
    const plain = url.protocol === 'http:';
    const begin = plain ? process.getBuiltinModule('node:http').request : httpsRequest;
    const request = begin(url, { ...options, ...reading, signal }, (response) => {
      const encoding = response.headers['content-encoding'] ?? 'identity';
      if (encoding !== 'identity') {
        request.destroy();
        reject(
          new WatchError(
            'PROTOCOL',
            `${url.origin} sent content-encoding ${encoding}, which was not requested. Check the proxy in between`,
          ),
        );
        return;
      }
      resolve({
        status: response.statusCode ?? 0,
        retryAfter: response.headers['retry-after'],
        contentType: response.headers['content-type'],
        body: gatherMs > 0 ? gathered(response, () => pauseOf(response, gatherMs)) : response,
        close: () => request.destroy(),
      });
    });
    let reached = false;
    request.on('socket', (socket) => {
      socket.setKeepAlive(true, KEEPALIVE_MS);
      reached = !socket.connecting;
      if (reached) {
        return;
      }
      // The idle timer takes over once the connection is established.
      socket.setTimeout(CONNECT_MS, () => {
        if (!reached) {
          request.destroy(new Error(`no answer within ${CONNECT_MS / 1000} seconds`));
        }
      });
      socket.once('connect', () => {
        reached = true;
        socket.setTimeout(0);
      });
    });
    request.on('error', (cause) => {
      reject(
        new WatchError('CONNECT', `Cannot reach ${url.origin}: ${cause.message}`, {
          cause,
          unreached: !reached,
        }),
      );
    });
    request.end(body);
  });
}

/** Rejects when the signal fires, so that a hanging exec plugin does not block the watch. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void =>
      reject(
        new WatchError(
          'CREDENTIALS',
          'Timed out while obtaining the credentials: check the exec plugin of the kubeconfig',
        ),
      );
    if (signal.aborted) {
      return abort();
    }
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
