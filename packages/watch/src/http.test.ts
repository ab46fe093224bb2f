import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { httpTransport } from './http.ts';

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

const get = (url: string): Promise<unknown> =>
  httpTransport(kubeConfig(url)).get('/api', new AbortController().signal);

test('httpTransport() distinguishes an unreachable server from a broken connection', async () => {
  const { server, port } = await listening((socket) => socket.destroy());
  for (const scheme of ['http', 'https']) {
    await expect(get(`${scheme}://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'CONNECT',
      unreached: false,
    });
  }
  server.close();
  await once(server, 'close');
  for (const scheme of ['http', 'https']) {
    await expect(get(`${scheme}://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'CONNECT',
      unreached: true,
      message: expect.stringContaining('ECONNREFUSED'),
    });
  }
});

test('httpTransport() refuses a content-encoding that it did not request', async () => {
  const { server, port } = await listening((socket) => {
    socket.once('data', () =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}'),
    );
  });
  await expect(get(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
    code: 'PROTOCOL',
    message: expect.stringContaining('content-encoding gzip'),
  });
  server.close();
  await once(server, 'close');
});

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
      chunks.push(chunk);
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
