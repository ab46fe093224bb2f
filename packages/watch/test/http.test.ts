import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { httpTransport } from '../src/http.ts';

test('httpTransport() supports plain HTTP, as served by kubectl proxy', async () => {
  const server = createServer((request, response) =>
    response.end(`${request.url} ${request.headers.accept}`),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const transport = httpTransport({
    getCurrentCluster: () => ({ server: `http://127.0.0.1:${port}` }),
    getCurrentUser: () => null,
    applyToHTTPSOptions: async () => undefined,
  });
  const answer = await transport.get('/api/v1/nodes', new AbortController().signal);
  expect(answer.status).toBe(200);
  expect(await text(answer.body)).toBe('/api/v1/nodes application/json');
  answer.close();
  await new Promise((done) => server.close(done));
});
