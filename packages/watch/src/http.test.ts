import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApiServer } from '@cnikit/apiserver-fake';
import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { httpTransport } from './http.ts';
import type { Answer } from './transport.ts';

const kubeConfig = (server: string) => ({
  getCurrentCluster: () => ({ server }),
  getCurrentUser: () => null,
  applyToHTTPSOptions: async () => undefined,
});

async function listening(onSocket: Parameters<typeof createServer>[1]) {
  const server = createServer(onSocket).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

const get = (url: string, gatherMs = 0): Promise<Answer> =>
  httpTransport(kubeConfig(url)).get('/api', new AbortController().signal, { gatherMs });
/** Gathering uses a separate HTTP client. */
const BOTH = [0, 50];

test.each(BOTH)(
  'httpTransport() distinguishes an unreachable server from a broken connection, gathering %d ms',
  async (ms) => {
    const { server, port } = await listening((socket) => socket.destroy());
    for (const scheme of ['http', 'https']) {
      await expect(get(`${scheme}://127.0.0.1:${port}`, ms)).rejects.toMatchObject({
        code: 'CONNECT',
        unreached: false,
      });
    }
    server.close();
    await once(server, 'close');
    for (const scheme of ['http', 'https']) {
      await expect(get(`${scheme}://127.0.0.1:${port}`, ms)).rejects.toMatchObject({
        code: 'CONNECT',
        unreached: true,
        message: expect.stringContaining('ECONNREFUSED'),
      });
    }
  },
);

test.each(BOTH)(
  'httpTransport() refuses a content-encoding that it did not request, gathering %d ms',
  async (ms) => {
    const { server, port } = await listening((socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}'),
      );
    });
    await expect(get(`http://127.0.0.1:${port}`, ms)).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining('content-encoding gzip'),
    });
    server.close();
    await once(server, 'close');
  },
);

test('httpTransport() gathers a body without losing bytes, and passes on that it broke', async () => {
  const lines = Array.from({ length: 500 }, (_, i) => `line ${i}\n`);
  const { server, port } = await listening(async (socket) => {
    socket.on('error', () => undefined);
    await once(socket, 'data');
    socket.setNoDelay(true);
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
    for (const line of lines) {
      socket.write(line);
      await new Promise((done) => setImmediate(done));
    }
    socket.end();
  });
  const transport = httpTransport(kubeConfig(`http://127.0.0.1:${port}`));
  const { body } = await transport.get('/api', new AbortController().signal, { gatherMs: 1 });
  const chunks: Uint8Array[] = [];
  const read = async (): Promise<void> => {
    for await (const chunk of body) {
      chunks.push(Buffer.from(chunk));
    }
  };
  await expect(read()).rejects.toThrow('aborted');
  expect(Buffer.concat(chunks).toString()).toBe(lines.join(''));
  server.close();
});

test('httpTransport() ends a gathered body when its signal fires during a pause', async () => {
  const { server, port } = await listening((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na'));
  });
  const abort = new AbortController();
  const transport = httpTransport(kubeConfig(`http://127.0.0.1:${port}`));
  const { body } = await transport.get('/api', abort.signal, { gatherMs: 2 ** 31 - 1 });
  const chunks = body[Symbol.asyncIterator]();
  expect(Buffer.from((await chunks.next()).value).toString()).toBe('a');
  const next = chunks.next();
  abort.abort();
  await expect(next).rejects.toThrow();
  server.close();
});

test('httpTransport() runs the exec plugin of a kubeconfig again after status 401, and only then', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'cnikit-watch-'));
  const calls = join(dir, 'calls');
  const plugin = join(dir, 'plugin');
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' };
  // The token is the number of the call: each one differs, and none expires.
  const body = JSON.stringify({ ...credential, status: { token: 'TOKEN' } }).replace(
    'TOKEN',
    `'$(wc -l < ${calls})'`,
  );
  writeFileSync(plugin, `#!/bin/sh\necho call >> ${calls}\necho '${body}'\n`, { mode: 0o755 });
  let accepted = '1';
  const tokens: (string | undefined)[] = [];
  const server = createHttpServer((request, response) => {
    tokens.push(request.headers.authorization);
    response.writeHead(request.headers.authorization === `Bearer ${accepted}` ? 200 : 401).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [
      {
        name: 'c',
        server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        skipTLSVerify: true,
      },
    ],
    users: [{ name: 'u', exec: { apiVersion: credential.apiVersion, command: plugin } }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  const transport = httpTransport(config);
  const status = async (): Promise<number> => {
    const answer = await transport.get('/api', new AbortController().signal);
    answer.close();
    return answer.status;
  };
  expect([await status(), await status()]).toEqual([200, 200]);
  accepted = '2';
  expect([await status(), await status(), await status()]).toEqual([401, 200, 200]);
  accepted = '3';
  expect([await status(), await status()]).toEqual([401, 200]);
  expect(tokens).toEqual(['1', '1', '1', '2', '2', '2', '3'].map((token) => `Bearer ${token}`));
  server.close();
  rmSync(dir, { recursive: true });
});

async function text(answer: Answer): Promise<string> {
  let read = '';
  for await (const piece of answer.body) {
    read += Buffer.from(piece).toString();
  }
  return read;
}

describe('httpTransport() sends the same request and reads the same response, gathering or not', () => {
  const requests: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { accept, authorization, host, connection } = request.headers;
    requests.push([request.method, request.url, accept, authorization, host, connection].join(' '));
    response.setHeader('retry-after', '3').setHeader('content-type', 'text/x');
    response.writeHead(request.url === '/base/api/v1/nodes?a=b%20c' ? 200 : 404);
    for (let i = 0; i < 100; i++) {
      response.write(`${i} `);
    }
    response.end();
  };

  test.each(['127.0.0.1', '[::1]', 'localhost'])('httpTransport() does so with the host %s', async (host) => {
    const server = createHttpServer(answer).listen(0, host.replace(/[[\]]/g, ''));
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const transport = httpTransport({
      ...kubeConfig(`http://${host}:${port}/base/`),
      applyToHTTPSOptions: async (options) => void Object.assign(options, { auth: 'user:password' }),
    });
    requests.length = 0;
    for (const path of ['/api/v1/nodes?a=b%20c', '/none']) {
      const answers = [];
      for (const gatherMs of BOTH) {
        const got = await transport.get(path, new AbortController().signal, { gatherMs, accept: 'a/b' });
        const { status, retryAfter, contentType } = got;
        answers.push([status, retryAfter, contentType, await text(got)]);
      }
      expect(answers[0]).toEqual(answers[1]);
      expect(requests.splice(0)).toEqual(
        new Array(2).fill(`GET /base${path} a/b Basic dXNlcjpwYXNzd29yZA== ${host}:${port} close`),
      );
    }
    server.close();
  });

  test('httpTransport() sends the user and the password of the server, gathering or not', async () => {
    const server = createHttpServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const transport = httpTransport(kubeConfig(`http://user:pass%40word@${host}`));
    requests.length = 0;
    for (const gatherMs of BOTH) {
      await text(await transport.get('/x', new AbortController().signal, { gatherMs }));
    }
    const user = `Basic ${Buffer.from('user:pass@word').toString('base64')}`;
    expect(requests.splice(0)).toEqual(new Array(2).fill(`GET /x application/json ${user} ${host} close`));
    server.close();
  });

  test('httpTransport() verifies the certificate of the server before it sends anything', async () => {
    const server = await startApiServer();
    for (const gatherMs of BOTH) {
      const config = (ca: string | undefined, servername?: string) => ({
        ...kubeConfig(server.url),
        applyToHTTPSOptions: async (options: object) =>
          void Object.assign(options, { ca, ...(servername === undefined ? {} : { servername }) }),
      });
      const status = async (ca: string | undefined, servername?: string): Promise<number> => {
        const signal = AbortSignal.timeout(30_000);
        const got = await httpTransport(config(ca, servername)).get('/api/v1/nodes', signal, { gatherMs });
        got.close();
        return got.status;
      };
      expect(await status(server.caCert)).toBe(401);
      expect(await status(server.caCert, 'kubernetes.default.svc')).toBe(401);
      const before = server.requests.length;
      await expect(status(undefined)).rejects.toMatchObject({ code: 'CONNECT', unreached: false });
      await expect(status(server.caCert, 'example.com')).rejects.toMatchObject({ code: 'CONNECT' });
      expect(server.requests).toHaveLength(before);
    }
    await server.close();
  });
});

test('httpTransport() refuses header values that would begin another header, gathering too', async () => {
  const { server, port } = await listening((socket) => socket.end());
  for (const gatherMs of BOTH) {
    const transport = httpTransport({
      ...kubeConfig(`http://127.0.0.1:${port}`),
      applyToHTTPSOptions: async (options) =>
        void Object.assign(options, { headers: { Authorization: 'Bearer a\r\nHost: b' } }),
    });
    await expect(transport.get('/', new AbortController().signal, { gatherMs })).rejects.toThrow(
      'Invalid character',
    );
  }
  server.close();
});

test.each([
  ['in its head', 'HTTP/1.1 200 OK\r\nA : b\r\n\r\n', 'rejects'],
  ['in its body', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nx\r\n', 'breaks'],
])(
  'httpTransport() closes the connection when a gathered response is malformed %s',
  async (_, response, result) => {
    let closed: Promise<unknown> | undefined;
    const { server, port } = await listening((socket) => {
      socket.on('error', () => undefined);
      closed = once(socket, 'close');
      socket.once('data', () => socket.write(response));
    });
    const answer = get(`http://127.0.0.1:${port}`, 1);
    if (result === 'rejects') {
      await expect(answer).rejects.toMatchObject({ code: 'CONNECT', unreached: false });
    } else {
      await expect(answer.then(text)).rejects.toThrow('chunk without size');
    }
    await closed;
    server.close();
  },
);

test.each(BOTH)(
  'httpTransport() rejects when its signal fires before the response, gathering %d ms',
  async (gatherMs) => {
    const abort = new AbortController();
    const { server, port } = await listening((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => abort.abort());
    });
    const transport = httpTransport(kubeConfig(`http://127.0.0.1:${port}`));
    await expect(transport.get('/', abort.signal, { gatherMs })).rejects.toMatchObject({ code: 'CONNECT' });
    await expect(transport.get('/', abort.signal, { gatherMs })).rejects.toBeDefined();
    server.close();
  },
);
