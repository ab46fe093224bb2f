import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from '../test/client.ts';
import { type ApiServer, startApiServer } from './server.ts';

const names = (json: { items: { metadata: { name: string } }[] }) => json.items.map((i) => i.metadata.name);

describe('lists', () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer();
    for (const name of ['n3', 'n1', 'n5', 'n2', 'n4']) {
      server.nodes.put({ metadata: { name, labels: { odd: String(Number(name[1]) % 2 === 1) } } });
    }
  });
  afterAll(() => server.close());

  test('lists are paged from one snapshot despite writes in between', async () => {
    const first = await call(server, '/api/v1/nodes?limit=2');
    expect(names(first.json)).toEqual(['n1', 'n2']);
    expect(first.json.metadata.remainingItemCount).toBe(3);
    server.nodes.put({ metadata: { name: 'n0' } });
    server.nodes.put({ metadata: { name: 'n25' } });
    const second = await call(server, `/api/v1/nodes?limit=2&continue=${first.json.metadata.continue}`);
    const third = await call(server, `/api/v1/nodes?limit=2&continue=${second.json.metadata.continue}`);
    expect([...names(second.json), ...names(third.json)]).toEqual(['n3', 'n4', 'n5']);
    expect(third.json.metadata.continue).toBeUndefined();
    expect(third.json.metadata.resourceVersion).toBe(first.json.metadata.resourceVersion);
    server.nodes.delete('n0');
    server.nodes.delete('n25');
  });

  test('lists reject a continue token after compaction', async () => {
    const first = await call(server, '/api/v1/nodes?limit=2');
    server.faults.compact();
    const second = await call(server, `/api/v1/nodes?limit=2&continue=${first.json.metadata.continue}`);
    expect(second).toMatchObject({ status: 410, json: { reason: 'Expired' } });
  });

  test.each([
    ['fieldSelector=metadata.name%3Dn2', ['n2']],
    ['fieldSelector=metadata.name!%3Dn2', ['n1', 'n3', 'n4', 'n5']],
    ['labelSelector=odd%3Dtrue', ['n1', 'n3', 'n5']],
    ['labelSelector=odd!%3Dtrue', ['n2', 'n4']],
    ['labelSelector=odd%20in%20(true,x)', ['n1', 'n3', 'n5']],
    ['labelSelector=!odd', []],
    ['resourceVersion=0&limit=1', ['n1']],
  ])('lists accept the query %s', async (query, expected) => {
    expect(names((await call(server, `/api/v1/nodes?${query}`)).json)).toEqual(expected);
  });

  test('lists of ConfigMaps are confined to the namespace', async () => {
    server.configMaps.put({ metadata: { name: 'a', namespace: 'x' } });
    server.configMaps.put({ metadata: { name: 'b', namespace: 'y' } });
    expect(names((await call(server, '/api/v1/namespaces/x/configmaps')).json)).toEqual(['a']);
    expect(names((await call(server, '/api/v1/configmaps')).json)).toEqual(['a', 'b']);
    expect((await call(server, '/api/v1/namespaces/x/configmaps/a')).json.metadata.namespace).toBe('x');
  });
});

describe('writes', () => {
  let server: ApiServer;
  const patch = (body: unknown, type: string, path = '/api/v1/nodes/n1/status') =>
    call(server, path, { method: 'PATCH', body, contentType: `application/${type}+json` });
  beforeAll(async () => {
    server = await startApiServer();
    server.nodes.put({
      metadata: { name: 'n1' },
      spec: { podCIDR: '10.0.0.0/24' },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
  });
  afterAll(() => server.close());

  test('a strategic merge patch merges conditions by type', async () => {
    const condition = { type: 'NetworkUnavailable', status: 'False', reason: 'RoutesProgrammed' };
    const { json } = await patch({ status: { conditions: [condition] } }, 'strategic-merge-patch');
    expect(json.status.conditions).toEqual([{ type: 'Ready', status: 'True' }, condition]);
    const again = await patch({ status: { conditions: [condition] } }, 'strategic-merge-patch');
    expect(again.json.metadata.resourceVersion).toBe(json.metadata.resourceVersion);
  });

  test('a merge patch replaces lists', async () => {
    const { json } = await patch({ status: { conditions: [] } }, 'merge-patch');
    expect(json.status.conditions).toEqual([]);
  });

  test('a JSON patch replaces an item of a list', async () => {
    const conditions = [{ type: 'Ready', status: 'True' }];
    await patch({ status: { conditions } }, 'merge-patch');
    const { status, json } = await patch(
      [
        { op: 'test', path: '/status/conditions/0/type', value: 'Ready' },
        { op: 'replace', path: '/status/conditions/0/status', value: 'False' },
      ],
      'json-patch',
    );
    expect([status, json.status.conditions]).toEqual([200, [{ type: 'Ready', status: 'False' }]]);
  });

  test('writes keep spec out of the status subresource and status out of the main resource', async () => {
    const status = await patch({ spec: { podCIDR: 'x' }, status: { a: 1 } }, 'merge-patch');
    expect(status.json).toMatchObject({ spec: { podCIDR: '10.0.0.0/24' }, status: { a: 1 } });
    const main = await patch(
      { spec: { unschedulable: true }, status: { a: 2 } },
      'merge-patch',
      '/api/v1/nodes/n1',
    );
    expect(main.json).toMatchObject({ spec: { unschedulable: true }, status: { a: 1 } });
  });

  test.each([
    ['an unknown patch type', 'apply-patch', {}, 415],
    ['a JSON patch that does not apply', 'json-patch', [{ op: 'remove', path: '/spec/none' }], 422],
    ['a stale resourceVersion', 'merge-patch', { metadata: { resourceVersion: '1' } }, 409],
    ['another name', 'merge-patch', { metadata: { name: 'n2' } }, 400],
    ['a condition without its type', 'strategic-merge-patch', { status: { conditions: [{}] } }, 422],
    ['half a JSON text', 'merge-patch', '{"status":', 400],
  ])('writes refuse %s', async (_, type, body, status) => {
    expect((await patch(body, type)).status).toBe(status);
  });

  test('writes create an object, reject a second creation, and delete it', async () => {
    const path = '/api/v1/namespaces/default/events';
    const body = { metadata: { generateName: 'n1.' }, reason: 'RouteFailed' };
    const made = await call(server, path, { method: 'POST', body });
    expect(made).toMatchObject({ status: 201, json: { kind: 'Event', metadata: { namespace: 'default' } } });
    const { name } = made.json.metadata;
    const twice = await call(server, path, { method: 'POST', body: { metadata: { name } } });
    expect(twice).toMatchObject({ status: 409, json: { reason: 'AlreadyExists' } });
    expect((await call(server, `${path}/${name}`, { method: 'DELETE' })).status).toBe(200);
    expect((await call(server, `${path}/${name}`)).status).toBe(404);
  });
});
