import { request as httpsRequest, type RequestOptions } from 'node:https';
import { encodingError, limitConnect, unreachable } from './answer.ts';
import { renewCredentials, requestOptions } from './credentials.ts';
import { WatchError } from './errors.ts';
import { gatheredGet } from './gathered-get.ts';
import type { Answer, KubeConfigLike, Transport } from './transport.ts';

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
  const url = new URL(server + path);
  // Only a proxy needs an agent, which opens the connections itself.
  const answer = await (gatherMs > 0 && options.agent === false
    ? gatheredGet(url, options, gatherMs, signal)
    : open(url, { ...options, method }, body, signal));
  if (answer.status === 401) {
    renewCredentials(kubeConfig);
  }
  return answer;
}

function open(
  url: URL,
  options: RequestOptions,
  body: string | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Importing node:http initialises 14 MB that HTTPS clients never use.
    const plain = url.protocol === 'http:';
    const begin = plain ? process.getBuiltinModule('node:http').request : httpsRequest;
    const request = begin(url, { ...options, signal }, (response) => {
      const refused = encodingError(url, response.headers['content-encoding']);
      if (refused !== undefined) {
        request.destroy();
        reject(refused);
        return;
      }
      resolve({
        status: response.statusCode ?? 0,
        retryAfter: response.headers['retry-after'],
        contentType: response.headers['content-type'],
        body: response,
        close: () => request.destroy(),
      });
    });
    let reached = (): boolean => false;
    request.on('socket', (socket) => {
      reached = limitConnect(socket, (error) => request.destroy(error));
    });
    request.on('error', (cause) => reject(unreachable(url, cause, reached())));
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
