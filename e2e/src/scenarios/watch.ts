/** @cnikit/watch on a real kube-apiserver: its events match the objects, also across a restart of the server. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withoutApiServer } from '../api-server.ts';
import type { Cluster } from '../cluster.ts';
import { machinesOf, type Scenario } from '../context.ts';
import { waitFor } from '../wait.ts';

const NAMESPACE = 'watch-e2e';
const PROGRAM = 'follow';

type Line =
  | { type: 'synced'; objects: Record<string, string> }
  | { type: 'added' | 'modified' | 'deleted'; name: string; object: string }
  | { type: 'stale' | 'fresh' | 'end' };

export const watchFollows: Scenario = {
  title: '@cnikit/watch follows ConfigMaps across a kill of kube-apiserver and reports no change twice',
  needs: ['machines'],
  fault: true,
  async run(context) {
    const { cluster, repository, state } = context;
    const machines = machinesOf(context);
    const node = 'n1';
    const lines = (): Line[] =>
      readFileSync(machines.log(node, PROGRAM), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Line);
    const agree = (what: string): Promise<true> =>
      waitFor(
        what,
        () => (JSON.stringify(replayed(lines())) === JSON.stringify(present(cluster)) ? true : undefined),
        () => `replayed: ${JSON.stringify(replayed(lines()))}, actual: ${JSON.stringify(present(cluster))}`,
      );
    const changesSince = (before: number, expected: number): void => {
      const reported = lines()
        .slice(before)
        .filter(({ type }) => ['synced', 'added', 'modified', 'deleted'].includes(type))
        // Kubernetes adds this one to every namespace, some time after its creation.
        .filter((line) => !('name' in line && line.name.endsWith('/kube-root-ca.crt')));
      if (reported.length !== expected) {
        throw new Error(`Expected ${expected} changes, got ${reported.length}: ${JSON.stringify(reported)}`);
      }
    };

    cluster.kubectl('create', 'namespace', NAMESPACE);
    cluster.apply(configMaps(Array.from({ length: 40 }, (_, i) => [`c${i}`, 'first'])));
    const kubeconfig = join(state, 'admin.kubeconfig');
    writeFileSync(kubeconfig, cluster.kubectl('config', 'view', '--raw', '--flatten'), { mode: 0o600 });
    const program = join(repository, `e2e/src/programs/${PROGRAM}.ts`);
    machines.start(
      node,
      PROGRAM,
      ...[process.execPath, '--conditions=@cnikit/source', program, kubeconfig, NAMESPACE],
    );
    await agree('the list');

    const listed = lines().length;
    cluster.apply(
      configMaps([
        ['c1', 'second'],
        ['new', 'first'],
      ]),
    );
    cluster.kubectl('-n', NAMESPACE, 'delete', 'configmap', 'c2', 'c3');
    await agree('the changes');
    changesSince(listed, 4);

    const before = lines().length;
    await withoutApiServer(context, async () => undefined);
    cluster.kubectl('-n', NAMESPACE, 'delete', 'configmap', 'c4');
    cluster.apply(configMaps([['c1', 'third']]));
    await agree('the changes');
    changesSince(before, 2);
    machines.stop(node, PROGRAM);
    cluster.kubectl('delete', 'namespace', NAMESPACE, '--wait=false');
    return lines()
      .slice(before)
      .map(({ type }) => type)
      .join(', ');
  },
};

/** The objects that result from applying every line in order. */
function replayed(lines: readonly Line[]): Record<string, string> {
  const objects = new Map<string, string>();
  for (const line of lines) {
    if (line.type === 'synced') {
      for (const [name, value] of Object.entries(line.objects)) {
        objects.set(name, value);
      }
    } else if (line.type === 'added' || line.type === 'modified') {
      objects.set(line.name, line.object);
    } else if (line.type === 'deleted') {
      objects.delete(line.name);
    }
  }
  return sorted([...objects]);
}

const sorted = (entries: [string, string][]): Record<string, string> =>
  Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));

function present(cluster: Cluster): Record<string, string> {
  const { items } = JSON.parse(cluster.kubectl('-n', NAMESPACE, 'get', 'configmaps', '-o', 'json')) as {
    items: { metadata: { name: string }; data?: Record<string, string> }[];
  };
  return sorted(items.map(({ metadata: { name }, data }) => [`${NAMESPACE}/${name}`, data?.value ?? '']));
}

function configMaps(values: readonly (readonly [name: string, value: string])[]): string {
  const items = values.map(([name, value]) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: NAMESPACE },
    data: { value },
  }));
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
