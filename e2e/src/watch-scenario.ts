/** @cnikit/watch on a real kube-apiserver: what it tells is what there is, over a restart of the server too. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Kubelab } from './kubelab.ts';
import type { Scenario } from './scenario.ts';
import { waitFor } from './wait.ts';

const NAMESPACE = 'watch-e2e';
const PROGRAM = 'follow';

type Line =
  | { type: 'synced'; objects: Record<string, string> }
  | { type: 'added' | 'modified' | 'deleted'; name: string; object: string }
  | { type: 'stale' | 'fresh' | 'end' };

export async function watchJob({ lab, repository, state, step }: Scenario): Promise<void> {
  const node = 'n1';
  const lines = (): Line[] =>
    readFileSync(lab.log(node, PROGRAM), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);
  const agrees = (): true | undefined =>
    JSON.stringify(replayed(lines())) === JSON.stringify(present(lab)) ? true : undefined;
  const why = (): string => `told: ${JSON.stringify(replayed(lines()))}, is: ${JSON.stringify(present(lab))}`;

  await step('@cnikit/watch lists what is there', async () => {
    lab.kubectl('create', 'namespace', NAMESPACE);
    lab.apply(configMaps(Array.from({ length: 40 }, (_, i) => [`c${i}`, 'first'])));
    const kubeconfig = `${state}/admin.kubeconfig`;
    writeFileSync(kubeconfig, lab.kubectl('config', 'view', '--raw', '--flatten'), { mode: 0o600 });
    const program = `${repository}/e2e/src/programs/${PROGRAM}.ts`;
    lab.start(
      node,
      PROGRAM,
      ...[process.execPath, '--conditions=@cnikit/source', program, kubeconfig, NAMESPACE],
    );
    await waitFor('the list', agrees, why);
    return `${Object.keys(present(lab)).length} objects`;
  });

  await step('@cnikit/watch tells what is added, modified and deleted', async () => {
    lab.apply(
      configMaps([
        ['c1', 'second'],
        ['new', 'first'],
      ]),
    );
    lab.kubectl('-n', NAMESPACE, 'delete', 'configmap', 'c2', 'c3');
    await waitFor('the changes', agrees, why);
    const told = lines().filter(({ type }) => ['added', 'modified', 'deleted'].includes(type));
    if (told.length !== 4) throw new Error(`Told ${told.length} changes, not 4: ${JSON.stringify(told)}`);
    return undefined;
  });

  await step(
    '@cnikit/watch goes on when kube-apiserver was killed and started again, and tells nothing twice',
    async () => {
      const before = lines().length;
      // By SIGTERM it waits a minute for its watches.
      lab.restart('cp', 'kube-apiserver', 'KILL');
      await waitFor('kube-apiserver', () => lab.tryKubectl('get', '--raw', '/readyz') || undefined);
      lab.kubectl('-n', NAMESPACE, 'delete', 'configmap', 'c4');
      lab.apply(configMaps([['c1', 'third']]));
      await waitFor('the changes', agrees, why);
      const since = lines().slice(before);
      const told = since.filter(({ type }) => ['synced', 'added', 'modified', 'deleted'].includes(type));
      if (told.length !== 2) throw new Error(`Told ${told.length} changes, not 2: ${JSON.stringify(told)}`);
      lab.stop(node, PROGRAM);
      return since.map(({ type }) => type).join(', ');
    },
  );
}

/** What a program that believed every line would know. */
function replayed(lines: readonly Line[]): Record<string, string> {
  const objects = new Map<string, string>();
  for (const line of lines) {
    if (line.type === 'synced')
      for (const [name, value] of Object.entries(line.objects)) objects.set(name, value);
    else if (line.type === 'added' || line.type === 'modified') objects.set(line.name, line.object);
    else if (line.type === 'deleted') objects.delete(line.name);
  }
  return sorted([...objects]);
}

const sorted = (entries: [string, string][]): Record<string, string> =>
  Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));

function present(lab: Kubelab): Record<string, string> {
  const { items } = JSON.parse(lab.kubectl('-n', NAMESPACE, 'get', 'configmaps', '-o', 'json')) as {
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
