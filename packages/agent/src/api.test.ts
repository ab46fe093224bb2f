import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/testing-apiserver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clearNetworkUnavailable, loadKubeConfig } from './api.ts';

let server: ApiServer;
let dir: string;
let kubeconfig: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'cnikit-api-'));
  kubeconfig = join(dir, 'kubeconfig');
  server = await startApiServer({
    clusterRoleFile: fileURLToPath(new URL('../../../deploy/base/rbac.yaml', import.meta.url)),
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
  test('kubernetes/kubernetes#120486: sets the condition, keeps the others, with the permissions of the manifest', async () => {
    await clearNetworkUnavailable(await loadKubeConfig({ kubeconfig }, {}), 'n1');
    const { conditions } = server.nodes.get('n1')!.status as { conditions: Array<Record<string, string>> };
    expect(Object.fromEntries(conditions.map(({ type, status }) => [type, status]))).toEqual({
      Ready: 'True',
      NetworkUnavailable: 'False',
    });
  });

  test('uses a token from the moment that it was rotated', async () => {
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

  test('says what the API server said', async () => {
    await expect(clearNetworkUnavailable(await loadKubeConfig({ kubeconfig }, {}), 'n9')).rejects.toThrow(
      /status 404, .*n9/,
    );
  });

  test('says which server does not answer', async () => {
    const config = await loadKubeConfig({ kubeconfig, apiServer: 'https://127.0.0.1:1' }, {});
    await expect(clearNetworkUnavailable(config, 'n1')).rejects.toThrow(
      /Cannot talk to https:\/\/127.0.0.1:1/,
    );
  });
});

describe('loadKubeConfig()', () => {
  test('kubernetes/kubernetes#77061: reaches the server where it is told, with the credentials it has', async () => {
    const config = await loadKubeConfig({ kubeconfig, apiServer: 'https://192.0.2.1:6443' }, {});
    expect(config.getCurrentCluster()).toMatchObject({
      server: 'https://192.0.2.1:6443',
      caData: expect.any(String),
    });
  });

  test.each<[string, string | undefined, RegExp]>([
    ['a file that is not there', '/nonexistent', /could not be read/],
    ['nothing outside of a cluster', undefined, /give --kubeconfig/],
  ])('refuses %s', async (_, file, reason) => {
    await expect(loadKubeConfig(file === undefined ? {} : { kubeconfig: file }, {})).rejects.toThrow(reason);
  });

  test('refuses a kubeconfig without a current context', async () => {
    const empty = join(dir, 'empty');
    writeFileSync(empty, 'apiVersion: v1\nkind: Config\n');
    await expect(loadKubeConfig({ kubeconfig: empty }, {})).rejects.toThrow(/current-context/);
  });
});
