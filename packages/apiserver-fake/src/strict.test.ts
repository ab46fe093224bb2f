import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from '../test/client.ts';
import { parseManifests, rbacAuthorizer } from './rbac.ts';
import { type ApiServer, startApiServer } from './server.ts';

const RBAC = fileURLToPath(new URL('../../../deploy/base/rbac.yaml', import.meta.url));

describe('startApiServer() is strict', () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer({ rbacFile: RBAC });
    server.nodes.put({ metadata: { name: 'n1' }, spec: { podCIDRs: ['10.244.1.0/24'] } });
  });
  afterAll(() => server.close());

  test.each([
    // [method, path, token, status, reason]
    ['GET', '/api/v1/nodes', undefined, 200, undefined],
    ['GET', '/api/v1/nodes/n1', undefined, 200, undefined],
    ['GET', '/api/v1/nodes', null, 401, 'Unauthorized'],
    ['GET', '/api/v1/nodes', 'wrong', 401, 'Unauthorized'],
    ['GET', '/no/such/path', null, 401, 'Unauthorized'],
    ['GET', '/no/such/path', undefined, 404, 'NotFound'],
    ['GET', '/api/v1/secrets', undefined, 403, 'Forbidden'],
    ['GET', '/api/v1/widgets', undefined, 404, 'NotFound'],
    ['GET', '/api/v1/nodes/', undefined, 404, 'NotFound'],
    ['GET', '/api/v1/nodes/none', undefined, 404, 'NotFound'],
    ['GET', '/api/v1/nodes/n1/proxy', undefined, 404, 'NotFound'],
    ['GET', '/api/v1/namespaces/default/nodes', undefined, 404, 'NotFound'],
    ['DELETE', '/api/v1/nodes/n1', undefined, 403, 'Forbidden'],
    ['POST', '/api/v1/nodes', undefined, 403, 'Forbidden'],
    ['PATCH', '/api/v1/nodes/n1', undefined, 403, 'Forbidden'],
    ['PUT', '/api/v1/nodes/n1/status', undefined, 403, 'Forbidden'],
    ['GET', '/api/v1/configmaps', undefined, 403, 'Forbidden'],
    ['PUT', '/api/v1/nodes', undefined, 405, 'MethodNotAllowed'],
    ['GET', '/api/v1/nodes?fieldSelector=spec.podCIDR=x', undefined, 400, 'BadRequest'],
    ['GET', '/api/v1/nodes?resourceVersion=abc', undefined, 400, 'BadRequest'],
    ['GET', '/api/v1/nodes?resourceVersion=999999', undefined, 504, 'Timeout'],
    ['GET', '/api/v1/nodes?limit=x', undefined, 400, 'BadRequest'],
    ['GET', '/api/v1/nodes?resourceVersionMatch=Exact', undefined, 422, 'Invalid'],
    ['GET', '/api/v1/nodes?sendInitialEvents=true', undefined, 422, 'Invalid'],
    ['GET', '/api/v1/nodes?watch=true&sendInitialEvents=true', undefined, 422, 'Invalid'],
    ['GET', '/api/v1/nodes?watch=true&resourceVersionMatch=NotOlderThan', undefined, 422, 'Invalid'],
    [
      'GET',
      '/api/v1/nodes?watch=true&sendInitialEvents=true&resourceVersionMatch=Exact',
      undefined,
      422,
      'Invalid',
    ],
    [
      'GET',
      '/api/v1/nodes?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=999999',
      undefined,
      504,
      'Timeout',
    ],
    ['GET', '/healthz', null, 200, undefined],
    ['GET', '/version', null, 200, undefined],
    ['GET', '/api/v1', undefined, 200, undefined],
    ['GET', '/apis', undefined, 200, undefined],
    ['GET', '/api', null, 401, 'Unauthorized'],
  ] as const)('%s %s with token %s is %i', async (method, path, token, status, reason) => {
    const answer = await call(server, path, { method, token, ...(method === 'GET' ? {} : { body: {} }) });
    expect(answer.status).toBe(status);
    if (reason !== undefined) {
      expect(answer.json).toMatchObject({ kind: 'Status', status: 'Failure', code: status, reason });
    }
  });

  test('startApiServer() names user, verb and resource in a 403', async () => {
    const { json } = await call(server, '/api/v1/nodes/n1', { method: 'DELETE' });
    expect(json.message).toBe(
      'nodes "n1" is forbidden: User "system:serviceaccount:kube-system:cnikit-agent" cannot delete resource "nodes" in API group "" at the cluster scope',
    );
  });

  test('startApiServer() answers SelfSubjectAccessReview from the RBAC rules', async () => {
    const ask = async (verb: string, resource: string, subresource?: string) => {
      const spec = { resourceAttributes: { verb, resource, subresource } };
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
      return (await call(server, path, { method: 'POST', body: { spec } })).json.status.allowed;
    };
    expect(await ask('list', 'nodes')).toBe(true);
    expect(await ask('patch', 'nodes', 'status')).toBe(true);
    expect(await ask('patch', 'nodes')).toBe(false);
    expect(await ask('list', 'pods')).toBe(false);
  });

  test('startApiServer() presents a certificate that only its CA validates', async () => {
    await expect(fetch(`${server.url}/version`)).rejects.toThrow();
  });
});

const authorizer = (yaml: string) => rbacAuthorizer(parseManifests(yaml));

describe('rbacAuthorizer()', () => {
  const role = (kind: string, metadata: string, rules: string) =>
    `kind: ${kind}\nmetadata: {${metadata}}\nrules: [${rules}]\n---\n`;
  const bind = (kind: string, ref: string, extra = '') =>
    `kind: ${kind}\nmetadata: {name: b${extra}}\nroleRef: {kind: ${ref}, name: r}\nsubjects: [{kind: ServiceAccount, name: a, namespace: s}]\n---\n`;
  const rule = '{apiGroups: [""], resources: [configmaps], verbs: [get], resourceNames: [one]}';

  test('rbacAuthorizer() confines a Role to its namespace and a rule to its resourceNames', () => {
    const rbac = authorizer(
      role('Role', 'name: r, namespace: s', rule) + bind('RoleBinding', 'Role', ', namespace: s'),
    );
    const ask = (namespace: string | undefined, name: string | undefined) =>
      rbac.allows({ verb: 'get', group: '', resource: 'configmaps', namespace, name });
    expect([
      ask('s', 'one'),
      ask('s', 'two'),
      ask('t', 'one'),
      ask(undefined, 'one'),
      ask('s', undefined),
    ]).toEqual([true, false, false, false, false]);
  });

  test('rbacAuthorizer() rejects a manifest without binding or with a binding to a missing role', () => {
    expect(() => authorizer(role('ClusterRole', 'name: r', rule))).toThrow('binds no role');
    expect(() => authorizer(bind('ClusterRoleBinding', 'ClusterRole'))).toThrow('which it lacks');
  });

  test('rbacAuthorizer() grants nothing from an unbound role', () => {
    const other = role('ClusterRole', 'name: x', '{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}');
    const rbac = authorizer(
      other + role('ClusterRole', 'name: r', rule) + bind('ClusterRoleBinding', 'ClusterRole'),
    );
    expect(rbac.allows({ verb: 'list', group: '', resource: 'nodes' })).toBe(false);
  });
});
