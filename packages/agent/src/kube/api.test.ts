import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clearNetworkUnavailable, loadKubeConfig, removeTaint } from './api.ts';

let server: ApiServer;
let dir: string;
let kubeconfig: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'cnikit-api-'));
  kubeconfig = join(dir, 'kubeconfig');
  server = await startApiServer({
    rbacFile: fileURLToPath(new URL('../../../../deploy/base/rbac.yaml', import.meta.url)),
    nodes: [
      { metadata: { name: 'n1' }, status: { conditions: [{ type: 'Ready', status: 'True' }] } } as never,
    ],
  });
  writeFileSync(kubeconfig, server.kubeconfig());
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true });
});

describe('clearNetworkUnavailable()', () => {
  test('kubernetes/kubernetes#120486: clearNetworkUnavailable() sets the condition and keeps the others with the permissions of the manifest', async () => {
    await clearNetworkUnavailable(await loadKubeConfig({ kubeconfig }, {}), 'n1');
    const { conditions } = server.nodes.get('n1')!.status as { conditions: Record<string, string>[] };
    expect(Object.fromEntries(conditions.map(({ type, status }) => [type, status]))).toEqual({
      Ready: 'True',
      NetworkUnavailable: 'False',
    });
  });

  test('clearNetworkUnavailable() uses a rotated token immediately', async () => {
    const tokenFile = join(dir, 'token');
    writeFileSync(tokenFile, server.token);
    const rotating = join(dir, 'rotating');
    writeFileSync(rotating, server.kubeconfig({ tokenFile }));
    const config = await loadKubeConfig({ kubeconfig: rotating }, {});
    await clearNetworkUnavailable(config, 'n1');
    const old = server.token;
    writeFileSync(tokenFile, server.rotateToken());
    await clearNetworkUnavailable(config, 'n1');
    expect(server.token).not.toBe(old);
    writeFileSync(kubeconfig, server.kubeconfig());
  });

  test.each([
    ['', false],
    [' with another server', true],
  ])('loadKubeConfig()%s reads the kubeconfig again after status 401', async (_, other) => {
    const embedded = join(dir, 'embedded');
    writeFileSync(embedded, server.kubeconfig());
    const first = await loadKubeConfig({ kubeconfig: embedded }, {});
    const apiServer = other ? first.getCurrentCluster()!.server : undefined;
    const config = await loadKubeConfig({ kubeconfig: embedded, apiServer }, {});
    await clearNetworkUnavailable(config, 'n1');
    server.rotateToken();
    writeFileSync(embedded, server.kubeconfig());
    await expect(clearNetworkUnavailable(config, 'n1')).rejects.toThrow('401');
    await clearNetworkUnavailable(config, 'n1');
    writeFileSync(kubeconfig, server.kubeconfig());
  });

  test('clearNetworkUnavailable() reports the reason of the API server', async () => {
    await expect(clearNetworkUnavailable(await loadKubeConfig({ kubeconfig }, {}), 'n9')).rejects.toThrow(
      /status 404: .*n9/,
    );
  });

  test('clearNetworkUnavailable() names the server that cannot be reached', async () => {
    const config = await loadKubeConfig({ kubeconfig, apiServer: 'https://127.0.0.1:1' }, {});
    await expect(clearNetworkUnavailable(config, 'n1')).rejects.toThrow(/Cannot reach https:\/\/127.0.0.1:1/);
  });
});

describe('removeTaint()', () => {
  const key = 'cnikit.io/not-ready';

  test('removeTaint() removes only that taint, even when another writer changes the Node at the same time', async () => {
    const open = await startApiServer({ nodes: [{ metadata: { name: 'n1' } }] });
    try {
      const file = join(dir, 'open');
      writeFileSync(file, open.kubeconfig());
      const config = await loadKubeConfig({ kubeconfig: file }, {});
      const put = (...keys: string[]) =>
        open.nodes.put({ metadata: { name: 'n1' }, spec: { taints: keys.map((each) => ({ key: each })) } });
      const taints = () => open.nodes.get('n1')!.spec?.taints ?? [];
      put('a', key);
      await removeTaint(config, 'n1', key);
      expect(taints()).toEqual([{ key: 'a' }]);
      put(key);
      open.faults.failNext(1, 409, { verb: 'patch' });
      await removeTaint(config, 'n1', key);
      expect(taints()).toEqual([]);
      const asked = open.requests.length;
      await removeTaint(config, 'n1', key);
      expect(open.requests.slice(asked).map(({ verb }) => verb)).toEqual(['get']);
    } finally {
      await open.close();
    }
  });

  test('removeTaint() names the permission that the manifest does not grant', async () => {
    server.nodes.put({ metadata: { name: 'n2' }, spec: { taints: [{ key }] } });
    await expect(removeTaint(await loadKubeConfig({ kubeconfig }, {}), 'n2', key)).rejects.toThrow(
      /status 403: .*cannot patch resource "nodes"/,
    );
  });
});

describe('loadKubeConfig()', () => {
  test('kubernetes/kubernetes#77061: loadKubeConfig() replaces the server and keeps the credentials', async () => {
    const config = await loadKubeConfig({ kubeconfig, apiServer: 'https://192.0.2.1:6443' }, {});
    expect(config.getCurrentCluster()).toMatchObject({
      server: 'https://192.0.2.1:6443',
      caData: expect.any(String),
    });
  });

  test.each<[string, string | undefined, RegExp]>([
    ['a file that does not exist', '/nonexistent', /Cannot read the kubeconfig \/nonexistent/],
    ['a missing kubeconfig outside of a cluster', undefined, /set --kubeconfig/],
  ])('loadKubeConfig() refuses %s', async (_, file, reason) => {
    await expect(loadKubeConfig(file === undefined ? {} : { kubeconfig: file }, {})).rejects.toThrow(reason);
  });

  test('loadKubeConfig() refuses a kubeconfig without a current context', async () => {
    const empty = join(dir, 'empty');
    writeFileSync(empty, 'apiVersion: v1\nkind: Config\n');
    await expect(loadKubeConfig({ kubeconfig: empty }, {})).rejects.toThrow(/current-context/);
  });
});
