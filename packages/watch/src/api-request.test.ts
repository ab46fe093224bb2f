import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiRequest, apiRequest } from './api-request.ts';

let server: Server;
let requests: Array<{ line: string; type: string | undefined; agent: string | undefined; body: string }>;
let respond: { status: number; body: string } | undefined;

beforeEach(async () => {
  requests = [];
  respond = { status: 200, body: '{"kind":"Node"}' };
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) {
      body += chunk;
    }
    const { method, url, headers } = request;
    requests.push({
      line: `${method} ${url}`,
      type: headers['content-type'],
      agent: headers['user-agent'],
      body,
    });
    if (respond !== undefined) {
      response.writeHead(respond.status).end(respond.body);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const config = () => ({
  getCurrentCluster: () => ({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }),
  getCurrentUser: () => null,
  applyToHTTPSOptions: async () => undefined,
});

test('apiRequest() sends method, path and body and returns the JSON of the response', async () => {
  const contentType = 'application/merge-patch+json';
  const body = { metadata: { labels: { a: 'ü' } } };
  expect(await apiRequest(config(), { method: 'PATCH', path: '/x?y=1', body, contentType }, 'me')).toEqual({
    kind: 'Node',
  });
  expect(await apiRequest(config(), { method: 'GET', path: '/x' })).toEqual({ kind: 'Node' });
  expect(requests).toEqual([
    { line: 'PATCH /x?y=1', type: contentType, agent: 'me', body: JSON.stringify(body) },
    { line: 'GET /x', type: undefined, agent: 'cnikit-watch', body: '' },
  ]);
});

test('apiRequest() refuses an unknown key of the request', async () => {
  const request = { method: 'POST', path: '/x', data: {} } as ApiRequest;
  await expect(apiRequest(config(), request)).rejects.toThrow(
    'Unknown key "data" in request: expected method',
  );
});

test('apiRequest() rejects an error status with the message of the Status', async () => {
  respond = { status: 409, body: '{"kind":"Status","message":"the object has been modified"}' };
  await expect(apiRequest(config(), { method: 'PATCH', path: '/x', body: {} })).rejects.toMatchObject({
    code: 'HTTP',
    status: 409,
    message: 'PATCH /x failed with status 409: the object has been modified',
  });
});

test('apiRequest() rejects a response that is not JSON', async () => {
  respond = { status: 200, body: '<html>' };
  await expect(apiRequest(config(), { method: 'GET', path: '/x' })).rejects.toMatchObject({
    code: 'PROTOCOL',
  });
});

test('apiRequest() rejects when the server does not respond in time', async () => {
  respond = undefined;
  await expect(apiRequest(config(), { method: 'GET', path: '/x', timeoutMs: 50 })).rejects.toMatchObject({
    code: 'IDLE',
    message: 'GET /x: no response within 0.05 seconds',
  });
});
