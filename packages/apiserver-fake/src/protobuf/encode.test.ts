import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../server.ts';
import { encode } from './encode.ts';
import { encodeEvent, encodeList, encodeObject, encodeStatus } from './envelope.ts';

const goldens = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../watch/test/goldens/${name}.json`, import.meta.url), 'utf8'));
const golden = goldens('protobuf');
const errors = goldens('protobuf-errors');
const NODES = {
  group: '',
  version: 'v1',
  plural: 'nodes',
  kind: 'Node',
  namespaced: false,
  status: true,
  fields: [],
};
const TYPE = 'application/vnd.kubernetes.protobuf';

test('encodeList() writes the bytes of kube-apiserver', () => {
  const { metadata, items } = golden.list.json;
  const encoded = encodeList(
    NODES,
    metadata,
    items.map((item: unknown) => JSON.stringify(item)),
  );
  expect(encoded.toString('base64')).toBe(golden.list.protobuf);
});

test('encode() writes objects of any size', () => {
  const labels = Object.fromEntries(
    Array.from({ length: 2000 }, (_, i) => [`label-${i}`, 'é'.repeat(i % 300)]),
  );
  const encoded = encodeObject(NODES, { metadata: { name: 'n', labels } });
  const fields = ['label-0', 'label-1299', 'é'.repeat(298)].filter((text) => encoded.includes(text));
  expect(fields).toHaveLength(3);
  expect(encoded.length).toBeGreaterThan(600_000);
  expect(encode({ a: -1 }, { a: [1, 'int'] })).toEqual(Buffer.from([8, ...new Array(9).fill(255), 1]));
});

test('encodeEvent() writes the bytes of kube-apiserver', () => {
  const events = golden.watch.json
    .filter(({ type }: { type: string }) => type !== 'BOOKMARK')
    .map(({ type, object }: { type: string; object: never }) =>
      encodeEvent(type, encodeObject(NODES, object)),
    );
  const encoded = Buffer.concat(events);
  const expected = Buffer.from(golden.watch.protobuf, 'base64');
  expect(encoded).toEqual(expected.subarray(0, encoded.length));
});

test('encodeStatus() writes the bytes of kube-apiserver', () => {
  const details = { name: 'none', kind: 'nodes' };
  const encoded = encodeStatus({
    ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'NotFound', code: 404 },
    ...{ message: golden.error.message, details },
  });
  expect(encoded.toString('base64')).toBe(golden.error.protobuf);
  for (const { json, protobuf } of errors.answers) {
    expect(encodeStatus(json).toString('base64')).toBe(protobuf);
  }
  const { type, object } = errors.watch.json;
  expect(encodeEvent(type, encodeStatus(object)).toString('base64')).toBe(errors.watch.protobuf);
});

test.each([
  ['/api/v1/nodes', `${TYPE}, application/json`, TYPE],
  ['/api/v1/nodes/n1', `${TYPE};q=1,application/json`, TYPE],
  ['/api/v1/nodes', `application/json, ${TYPE}`, 'application/json'],
  ['/api/v1/nodes', '*/*', 'application/json'],
  ['/api/v1/nodes', undefined, 'application/json'],
  ['/api/v1/pods', `${TYPE}, application/json`, 'application/json'],
  ['/api/v1/nodes/none', `${TYPE}, application/json`, TYPE],
])('startApiServer() answers GET %s with Accept %s in %s', async (path, accept, expected) => {
  const server = await startApiServer({ nodes: [{ metadata: { name: 'n1' } }] });
  expect(await contentType(server, path, accept)).toBe(expected);
  await server.close();
});

function contentType({ url, caCert, token }: ApiServer, path: string, accept?: string): Promise<unknown> {
  return new Promise((done, fail) => {
    const headers = { authorization: `Bearer ${token}`, ...(accept === undefined ? {} : { accept }) };
    const sent = request(`${url}${path}`, { ca: caCert, agent: false, headers }, (response) => {
      response.resume().once('end', () => done(response.headers['content-type']));
    });
    sent.once('error', fail).end();
  });
}
