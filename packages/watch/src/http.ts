import { request as httpsRequest, type RequestOptions } from 'node:https';
import { requestOptions } from './credentials.ts';
import { WatchError } from './errors.ts';
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
    async get(path, signal) {
      const { server, options } = await unlessAborted(requestOptions(kubeConfig), signal);
      options.headers = { Accept: 'application/json', 'User-Agent': userAgent, ...options.headers };
      return open(new URL(server + path), options, signal);
    },
  };
}

function open(url: URL, options: RequestOptions, signal: AbortSignal): Promise<Answer> {
  return new Promise((done, fail) => {
    // Importing node:http initialises 14 MB that HTTPS clients never use.
    const plain = url.protocol === 'http:';
    const send = plain ? process.getBuiltinModule('node:http').request : httpsRequest;
    const request = send(url, { ...options, signal }, (response) => {
      done({
        status: response.statusCode ?? 0,
        retryAfter: response.headers['retry-after'],
        body: response,
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
      fail(
        new WatchError('CONNECT', `Cannot reach ${url.origin}: ${cause.message}`, {
          cause,
          unreached: !reached,
        }),
      );
    });
    request.end();
  });
}

/** Rejects when the signal fires, so that a hanging exec plugin does not block the watch. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((done, fail) => {
    const abort = (): void =>
      fail(
        new WatchError(
          'CREDENTIALS',
          'Timed out while obtaining the credentials: check the exec plugin of the kubeconfig',
        ),
      );
    if (signal.aborted) {
      return abort();
    }
    signal.addEventListener('abort', abort);
    promise.then(done, fail).finally(() => signal.removeEventListener('abort', abort));
  });
}
