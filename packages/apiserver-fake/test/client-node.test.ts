/** Watches of @kubernetes/client-node against the server: its Watch and its informer. */
import { CoreV1Api, KubeConfig, makeInformer, type V1Pod, Watch } from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../src/index.ts';

let server: ApiServer;
let config: KubeConfig;
beforeEach(async () => {
  server = await startApiServer();
  config = new KubeConfig();
  config.loadFromString(server.kubeconfig());
});
afterEach(() => server.close());

const pod = (name: string, labels = {}) => ({
  metadata: { name, namespace: 'default', labels },
  spec: { containers: [] },
});

/** Collects values. `next()` waits until one arrives. */
function queue<T>() {
  const values: T[] = [];
  let wake = () => {};
  return {
    push: (value: T) => {
      values.push(value);
      wake();
    },
    async next(): Promise<T> {
      while (values.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return values.shift()!;
    },
  };
}

test("client-node's Watch receives changes of Pods that match a label selector", async () => {
  const events = queue<string>();
  server.pods.put(pod('first', { app: 'web' }));
  const controller = await new Watch(config).watch(
    '/api/v1/namespaces/default/pods',
    { labelSelector: 'app in (web, db)' },
    (type: string, object: V1Pod) => events.push(`${type} ${object.metadata?.name}`),
    () => events.push('end'),
  );
  expect(await events.next()).toBe('ADDED first');
  server.pods.put(pod('other'));
  server.pods.put(pod('a', { app: 'web' }));
  server.pods.put(pod('b', { app: 'db' }));
  server.pods.put(pod('a', { app: 'none' }));
  expect([await events.next(), await events.next(), await events.next()]).toEqual([
    'ADDED a',
    'ADDED b',
    'DELETED a',
  ]);
  controller.abort();
  expect(await events.next()).toBe('end');
});

test("client-node's informer lists again after 410 and reports only the differences", async () => {
  server.pods.put(pod('a'));
  const core = config.makeApiClient(CoreV1Api);
  const events = queue<string>();
  const informer = makeInformer(config, '/api/v1/namespaces/default/pods', () =>
    core.listNamespacedPod({ namespace: 'default' }),
  );
  for (const verb of ['add', 'update', 'delete'] as const) {
    informer.on(verb, (object: V1Pod) => events.push(`${verb} ${object.metadata?.name}`));
  }
  const start = async (): Promise<void> => informer.start().catch(start);
  informer.on('error', () => void start());
  await start();
  expect(await events.next()).toBe('add a');
  server.pods.put(pod('b'));
  expect(await events.next()).toBe('add b');
  await server.stop();
  server.pods.put(pod('c'));
  server.pods.delete('a', 'default');
  server.faults.compact();
  await server.start();
  expect(new Set([await events.next(), await events.next()])).toEqual(new Set(['delete a', 'add c']));
  await informer.stop();
});
