import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
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
