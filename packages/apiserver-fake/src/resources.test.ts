import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, openWatch } from '../test/client.ts';
import { labelSelector } from './selectors.ts';
import { type ApiServer, startApiServer } from './server.ts';

const names = (json: { items: { metadata: { name: string } }[] }) => json.items.map((i) => i.metadata.name);

describe('startApiServer() with custom resources', () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer({
      resources: [
        {
          group: 'example.com',
          version: 'v1alpha1',
          plural: 'widgets',
          kind: 'Widget',
          fields: ['spec.color'],
        },
        {
          group: 'example.com',
          version: 'v1alpha1',
          plural: 'zones',
          kind: 'Zone',
          namespaced: false,
          status: false,
        },
      ],
      objects: [
        { apiVersion: 'example.com/v1alpha1', kind: 'Zone', metadata: { name: 'z1' } },
        { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' } },
      ],
    });
  });
  afterAll(() => server.close());

  test('startApiServer() serves custom resources with namespaces, field selectors and watches', async () => {
    const path = '/apis/example.com/v1alpha1/namespaces/shop/widgets';
    const watch = await openWatch(server, `${path}?watch=true&fieldSelector=spec.color%3Dred`);
    for (const [name, color] of [
      ['a', 'red'],
      ['b', 'blue'],
    ]) {
      const made = await call(server, path, {
        method: 'POST',
        body: { metadata: { name }, spec: { color } },
      });
      expect(made).toMatchObject({
        status: 201,
        json: { kind: 'Widget', apiVersion: 'example.com/v1alpha1' },
      });
    }
    expect(names((await call(server, `${path}?fieldSelector=spec.color%3Dblue`)).json)).toEqual(['b']);
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
    server.resource('widgets').put({ metadata: { name: 'a', namespace: 'shop' }, spec: { color: 'blue' } });
    // The last state that matched, with the version of the change.
    const { type, object } = await watch.next();
    expect([type, object.spec.color]).toEqual(['DELETED', 'red']);
    expect(object.metadata.resourceVersion).toBe(
      server.resource('widgets.example.com').get('a', 'shop')?.metadata.resourceVersion,
    );
    watch.close();
  });

  test('startApiServer() serves cluster-scoped custom resources and objects of the option objects', async () => {
    expect((await call(server, '/apis/example.com/v1alpha1/zones/z1')).status).toBe(200);
    expect((await call(server, '/apis/example.com/v1alpha1/namespaces/x/zones')).status).toBe(404);
    expect((await call(server, '/apis/apps/v1/namespaces/shop/deployments/web')).status).toBe(200);
    const groups = (await call(server, '/apis')).json.groups;
    expect(groups).toContainEqual(
      expect.objectContaining({
        name: 'example.com',
        preferredVersion: { groupVersion: 'example.com/v1alpha1', version: 'v1alpha1' },
      }),
    );
  });

  test('a 404 has the group in the name of the resource, as in Kubernetes', async () => {
    const { json } = await call(server, '/apis/apps/v1/namespaces/shop/deployments/none');
    expect(json.message).toBe('deployments.apps "none" not found');
    expect(json.details).toEqual({ name: 'none', group: 'apps', kind: 'deployments' });
  });

  test('the status of a Namespace is its subresource', async () => {
    server.namespaces.put({ metadata: { name: 'shop' } });
    const body = { status: { phase: 'Terminating' } };
    const contentType = 'application/merge-patch+json';
    const path = '/api/v1/namespaces/shop/status';
    expect((await call(server, path, { method: 'PATCH', body, contentType })).json.status).toEqual(
      body.status,
    );
  });

  test('a PUT whose body omits the namespace replaces the object of the path', async () => {
    const path = '/api/v1/namespaces/shop/configmaps';
    await call(server, path, { method: 'POST', body: { metadata: { name: 'c' }, data: { a: '1' } } });
    const put = await call(server, `${path}/c`, {
      method: 'PUT',
      body: { metadata: { name: 'c' }, data: { a: '2' } },
    });
    expect(put.json).toMatchObject({ metadata: { namespace: 'shop' }, data: { a: '2' } });
    expect((await call(server, path)).json.items).toHaveLength(1);
  });

  test('DELETE of a collection deletes the objects that match', async () => {
    const path = '/api/v1/namespaces/bin/configmaps';
    for (const name of ['x', 'y']) {
      server.configMaps.put({ metadata: { name, namespace: 'bin', labels: { name } } });
    }
    const deleted = await call(server, `${path}?labelSelector=name%3Dx`, { method: 'DELETE' });
    expect([deleted.status, names(deleted.json)]).toEqual([200, ['x']]);
    expect(names((await call(server, path)).json)).toEqual(['y']);
  });

  test('resource() and startApiServer() name a resource that the server lacks', async () => {
    expect(() => server.resource('gadgets')).toThrow('The server has no resource "gadgets"');
    // Both core and events.k8s.io have events; the core group wins.
    expect(server.resource('events')).toBeDefined();
    expect(() => server.pods.put({ metadata: {} } as never)).toThrow('A Pod needs metadata.name');
    await expect(
      startApiServer({ resources: [{ group: 'example.com', plural: 'Widgets', kind: 'Widget' }] }),
    ).rejects.toThrow('Invalid resource "example.com/v1 Widgets"');
    await expect(startApiServer({ resources: [{ group: '', plural: 'pods', kind: 'Pod' }] })).rejects.toThrow(
      'The server already has the resource "pods"',
    );
    await expect(
      startApiServer({ objects: [{ apiVersion: 'a/v1', kind: 'B', metadata: { name: 'c' } }] }),
    ).rejects.toThrow('no resource for apiVersion a/v1, kind B of object "c"');
  });
});

describe('startApiServer() with rbac', () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer({
      user: 'jane',
      rbac: [
        {
          kind: 'Role',
          metadata: { name: 'reader', namespace: 'shop' },
          rules: [
            { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
            { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
            { apiGroups: ['*'], resources: ['*/status'], verbs: ['patch'] },
          ],
        },
        {
          kind: 'RoleBinding',
          metadata: { name: 'jane', namespace: 'shop' },
          roleRef: { kind: 'Role', name: 'reader' },
          subjects: [{ kind: 'User', name: 'jane' }],
        },
        {
          kind: 'ClusterRole',
          metadata: { name: 'one-node' },
          rules: [{ apiGroups: [''], resources: ['nodes'], resourceNames: ['n1'], verbs: ['watch'] }],
        },
        {
          kind: 'ClusterRoleBinding',
          metadata: { name: 'everyone' },
          roleRef: { kind: 'ClusterRole', name: 'one-node' },
          subjects: [{ kind: 'Group', name: 'system:authenticated' }],
        },
      ],
      objects: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }],
    });
  });
  afterAll(() => server.close());

  test.each([
    ['GET', '/api/v1/namespaces/shop/pods', 200],
    ['GET', '/api/v1/namespaces/default/pods', 403],
    ['GET', '/api/v1/pods', 403],
    ['GET', '/api/v1/namespaces/shop', 200],
    ['GET', '/api/v1/namespaces/other', 403],
    ['PATCH', '/apis/apps/v1/namespaces/shop/deployments/web/status', 404],
    ['PATCH', '/apis/apps/v1/namespaces/shop/deployments/web', 403],
    ['GET', '/api/v1/nodes?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dn1', 200],
    ['GET', '/api/v1/nodes?watch=true&fieldSelector=metadata.name%3Dn2', 403],
  ])('%s %s is %i for a user with a Role in the namespace shop', async (method, path, status) => {
    const contentType = 'application/merge-patch+json';
    const options = method === 'PATCH' ? { method, contentType, body: {} } : { method };
    expect((await call(server, path, options)).status).toBe(status);
  });

  test("a 403 has Kubernetes' wording", async () => {
    const { json } = await call(server, '/apis/apps/v1/namespaces/shop/deployments');
    expect(json).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message:
        'deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" in the namespace "shop"',
      details: { group: 'apps', kind: 'deployments' },
    });
  });
});

describe('labelSelector()', () => {
  const labels = { app: 'web', tier: '3', 'example.com/x': '' };
  test.each([
    ['app=web', true],
    ['app==web', true],
    ['app!=web', false],
    ['none!=web', true],
    ['app in (db, web)', true],
    ['app in(web)', true],
    ['app notin (db,web)', false],
    ['none notin (db)', true],
    ['app', true],
    ['!app', false],
    ['! none', true],
    ['constructor', false],
    ['example.com/x=', true],
    ['tier>2,tier<4', true],
    ['app>2', false],
    ['app=web,app in (web,db),!none', true],
    ['', true],
  ])('labelSelector(%j) is %j', (text, expected) => {
    expect(labelSelector(text)({ metadata: { name: 'a', labels } })).toBe(expected);
  });

  test.each(['=a', 'a b', 'a in b', 'a=b c', 'a in (b', ',', 'a~b'])(
    'labelSelector(%j) is refused',
    (text) => {
      expect(() => labelSelector(text)).toThrow('unable to parse requirement');
    },
  );
});
