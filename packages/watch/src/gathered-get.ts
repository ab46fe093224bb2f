/**
 * A GET whose body is gathered. node:https allocates several objects and a buffer for each event; here a connection has
 * one buffer, and a heartbeat costs half.
 */
import type { RequestOptions } from 'node:https';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { encodingError, limitConnect, unreachable } from './answer.ts';
import { GatheredBody, pauseOf } from './gathered-body.ts';
import { ResponseParser } from './response-parser.ts';
import type { Answer } from './transport.ts';

const READ_BYTES = 64 * 1024;

/**
 * Sends the request on its own connection and resolves once the response headers have arrived, for any status.
 *
 * @throws {WatchError} CONNECT, PROTOCOL
 */
export function gatheredGet(
  url: URL,
  options: RequestOptions,
  gatherMs: number,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let body: GatheredBody | undefined;
    const parser = new ResponseParser({
      head: ({ status, headers }) => {
        const refused = encodingError(url, headers.get('content-encoding'));
        if (refused !== undefined) {
          reject(refused);
          socket.destroy();
          return;
        }
        body = new GatheredBody(socket, (ended) => pauseOf(gatherMs, ended));
        const [retryAfter, contentType] = [headers.get('retry-after'), headers.get('content-type')];
        resolve({ status, retryAfter, contentType, body, close: () => socket.destroy() });
      },
      body: (piece) => body?.add(piece),
    });
    const text = head(url, options);
    const attempt = (read: () => void): void => {
      try {
        read();
        if (parser.done) {
          body?.end();
          socket.destroy();
        }
      } catch (error) {
        socket.destroy(error as Error);
      }
    };
    const socket = open(url, options, (bytes) => attempt(() => parser.push(bytes)));
    const reached = limitConnect(socket, (error) => socket.destroy(error));
    const abort = (): void => void socket.destroy(new Error('The request was aborted'));
    signal.addEventListener('abort', abort);
    socket.on('error', (cause) => {
      body?.end(cause);
      reject(unreachable(url, cause, reached()));
    });
    socket.on('end', () => attempt(() => parser.end()));
    socket.on('close', () => {
      signal.removeEventListener('abort', abort);
      const cause = new Error('aborted');
      body?.end(cause);
      reject(unreachable(url, cause, reached()));
    });
    if (signal.aborted) {
      abort();
    }
    socket.once(url.protocol === 'http:' ? 'connect' : 'secureConnect', () => socket.write(text, 'latin1'));
  });
}

function open(url: URL, options: RequestOptions, take: (bytes: Buffer) => void): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (size: number, bytes: Uint8Array) => {
      take((bytes as Buffer).subarray(0, size));
      return true;
    },
  };
  if (url.protocol === 'http:') {
    return connect({ host, port: Number(url.port || 80), onread });
  }
  const secure: object = {
    ALPNProtocols: ['http/1.1'],
    // SNI has no addresses (RFC 6066 section 3).
    servername: isIP(host) === 0 ? host : '',
    ...options,
    ...{ host, port: Number(url.port || 443), path: undefined, onread },
  };
  return connectTls(secure);
}

/** Returns the head of the request. */
function head(url: URL, { headers, auth = userOf(url) }: RequestOptions): string {
  const basic = auth ? { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
  const all = { Host: url.host, Connection: 'close', ...basic, ...(headers as Record<string, unknown>) };
  const lines = Object.entries(all).map(([name, value]) => {
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(`${name}${value}`)) {
      throw new TypeError(`Invalid character in header content [${JSON.stringify(name)}]`);
    }
    return `${name}: ${value}\r\n`;
  });
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Returns the user and the password of a URL, as node:https sends them. */
function userOf({ username, password }: URL): string | undefined {
  return username || password ? `${decodeURIComponent(username)}:${decodeURIComponent(password)}` : undefined;
}
