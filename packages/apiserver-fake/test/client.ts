/** A plain HTTPS client for tests of the server, without retries. */
import { request } from 'node:https';
import type { ApiServer } from '../src/server.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads any JSON that the server sent
  json: any;
}

export interface CallOptions {
  method?: string;
  /** Bearer token; null sends no Authorization header. Defaults to the server's token. */
  token?: string | null;
  body?: unknown;
  contentType?: string;
}

/** Sends a request and reads the whole response. Rejects when the connection breaks. */
export function call(server: ApiServer, path: string, options: CallOptions = {}): Promise<Answer> {
  return new Promise((done, fail) => {
    const body = typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
    const token = options.token === undefined ? server.token : options.token;
    const sent = request(
      `${server.url}${path}`,
      {
        ca: server.caCert,
        agent: false,
        method: options.method ?? 'GET',
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(options.body === undefined
            ? {}
            : {
                'content-type': options.contentType ?? 'application/json',
                'content-length': Buffer.byteLength(body),
              }),
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('error', fail).on('end', () => {
          let json: unknown;
          try {
            json = JSON.parse(text);
          } catch {
            json = undefined;
          }
          done({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        });
      },
    );
    sent.on('error', fail);
    sent.end(body);
  });
}

/** An open watch; `next()` resolves to the next event and rejects when the stream has ended. */
export async function openWatch(server: ApiServer, path: string) {
  const response = await new Promise<import('node:http').IncomingMessage>((done, fail) => {
    const headers = { authorization: `Bearer ${server.token}` };
    request(`${server.url}${path}`, { ca: server.caCert, agent: false, headers }, done)
      .on('error', fail)
      .end();
  });
  async function* lines() {
    let rest = '';
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      rest += chunk;
      for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n')) {
        yield rest.slice(0, at);
        rest = rest.slice(at + 1);
      }
    }
  }
  const iterator = lines();
  return {
    status: response.statusCode,
    // biome-ignore lint/suspicious/noExplicitAny: a test reads any JSON that the server sent
    async next(): Promise<any> {
      const { value, done } = await iterator.next();
      if (done === true) {
        throw new Error('The watch ended');
      }
      return JSON.parse(value);
    },
    line: async () => (await iterator.next()).value as string | undefined,
    close: () => response.destroy(),
  };
}
