import { request as httpsRequest, type RequestOptions } from 'node:https';
import { requestOptions } from './credentials.ts';
import { WatchError } from './errors.ts';
import type { Answer, KubeConfigLike, Transport } from './transport.ts';

/** TCP keepalive: a peer that is gone is noticed by the kernel too. */
const KEEPALIVE_MS = 30_000;

/**
 * A machine that is off, or a packet filter that drops, says nothing. The kernel would try at a slowing pace, and not see
 * for up to half a minute that the server is back.
 */
const CONNECT_MS = 3000;

/**
 * Requests by node:https (of the clients it needs the least memory), each on a connection of its own: so that
 * rotated tokens and certificates hold from the next request on, a name is looked up anew, and a load balancer
 * gets to spread the watches.
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
    // To import node:http would make all that it has for later, 14 MB, which who speaks TLS never needs.
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
      // Silence is the watchdog's affair, once there is a connection.
      socket.setTimeout(CONNECT_MS, () => {
        if (!reached) {
          request.destroy(new Error(`no answer for ${CONNECT_MS / 1000} seconds`));
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

/** An exec plugin that hangs must not hang the watch. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((done, fail) => {
    const abort = (): void => fail(new WatchError('CREDENTIALS', 'Making the credentials took too long'));
    if (signal.aborted) {
      return abort();
    }
    signal.addEventListener('abort', abort);
    promise.then(done, fail).finally(() => signal.removeEventListener('abort', abort));
  });
}
