import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inClusterConfig, watch } from '../src/index.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const [example, selecting, inProtobuf, counting] = [...README.matchAll(/```ts\n(.*?)```/gs)].map(
  (match) => match[1]!,
);

describe('README', () => {
  const directory = mkdtempSync(join(tmpdir(), 'watch-readme-'));
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer({ nodes: [{ metadata: { name: 'n1' } }, { metadata: { name: 'n2' } }] });
    writeFileSync(join(directory, 'kubeconfig'), server.kubeconfig());
  });
  afterAll(async () => {
    await server.close();
    rmSync(directory, { recursive: true });
  });

  const run = (code: string): ChildProcess =>
    spawn(process.execPath, ['--conditions=@cnikit/source', '--input-type=module-typescript', '-e', code], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { ...process.env, KUBECONFIG: join(directory, 'kubeconfig') },
      stdio: ['ignore', 'pipe', 'inherit'],
    });

  test('README: the first example runs', async () => {
    const child = run(example!);
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const line = async () => (await lines.next()).value;
    expect(await line()).toBe("all nodes: [ 'n1', 'n2' ]");
    server.nodes.put({ metadata: { name: 'n3' } });
    expect(await line()).toBe('added n3');
    await server.stop();
    expect(await line()).toMatch(/^the API server is away: Cannot reach https/);
    await server.start();
    expect(await line()).toBe('it is back');
    child.kill();
  });

  test('README: the hooks of the example are called', async () => {
    server.nodes.put({ metadata: { name: 'n1' } });
    const kubeconfig = JSON.stringify(join(directory, 'kubeconfig'));
    // Replaces a pod's credentials by those of this server.
    const child = run(
      `${counting!}\nfor await (const change of watched) console.log(change.type, counts.lists);`
        .replace('inClusterConfig(process.env)', 'kubeConfig')
        .replace(
          /^/,
          `import { KubeConfig } from '@kubernetes/client-node';
const kubeConfig = new KubeConfig(); kubeConfig.loadFromFile(${kubeconfig});\n`,
        ),
    );
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const line = async () => (await lines.next()).value;
    expect(await line()).toMatch(/^list 1: \d+ in \d/);
    expect(await line()).toBe('synced 1');
    await server.stop();
    expect(await line()).toBe('failure 1 in a row: CONNECT');
    child.kill();
    await server.start();
  });

  test.each([
    ['second', selecting, 'changes'],
    ['third', inProtobuf, 'inProtobuf'],
  ])('README: the %s example compiles against the API', async (_, code, variable) => {
    const child = run(
      `${code!}\nconsole.log(typeof ${variable}.next);`.replace(
        'process.env',
        "{ KUBERNETES_SERVICE_HOST: 'h', KUBERNETES_SERVICE_PORT: '1' }",
      ),
    );
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('function');
    child.kill();
  });
});

describe('inClusterConfig()', () => {
  test('inClusterConfig() reads token and CA of the ServiceAccount for each request', async () => {
    const server = await startApiServer({ nodes: [{ metadata: { name: 'n1' } }] });
    const directory = mkdtempSync(join(tmpdir(), 'service-account-'));
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'ca.crt'), server.caCert);
    writeFileSync(join(directory, 'token'), 'outdated');
    const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(server.port) };
    const changes = watch({
      kubeConfig: inClusterConfig(env, directory),
      path: '/api/v1/nodes',
      backoff: { initialMs: 1 },
    });
    expect((await changes.next()).value).toMatchObject({ type: 'stale', error: { status: 401 } });
    writeFileSync(join(directory, 'token'), `${server.token}\n`);
    expect((await changes.next()).value).toMatchObject({ type: 'synced' });
    await changes.return();
    await server.close();
    rmSync(directory, { recursive: true });
  });

  test('inClusterConfig() brackets an IPv6 address and throws outside a cluster', () => {
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
    expect(inClusterConfig(env).getCurrentCluster()).toEqual({ server: 'https://[fd00::1]:443' });
    expect(() => inClusterConfig({})).toThrow('Not in a cluster');
  });
});
