import { join } from 'node:path';
import { type Cluster, nodeNames } from '../cluster.ts';
import { type Context, onNode, type Scenario } from '../context.ts';
import { leftovers } from '../leftovers.ts';
import { awaitPods, createPods, LABEL, podTemplate } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { NAMESPACE } from './install.ts';

export const podsLeaveNothing: Scenario = {
  title: 'deleting all pods frees every address, link and host port',
  dependsOnProxy: true,
  async run(context) {
    const { kubectl } = context.cluster;
    kubectl('delete', 'pod', '-l', `app=${LABEL}`, '--wait=true', '--timeout=180s');
    kubectl('-n', 'kube-system', 'delete', 'deployment', 'coredns', '--ignore-not-found', '--wait=true');
    if (context.cluster.machines === undefined) {
      return 'pods deleted; the nodes cannot be inspected';
    }
    for (const node of nodeNames(context.cluster)) {
      await waitFor(
        `node ${node} to hold nothing of pods`,
        () => (leftovers(context, node).length === 0 ? true : undefined),
        () => leftovers(context, node).join('\n'),
      );
    }
    return 'no leftovers';
  },
};

export const uninstall: Scenario = {
  title: 'uninstalling by docs/operations.md leaves no trace on any node, also of pods that a drain keeps',
  dependsOnProxy: true,
  needs: ['machines'],
  async run(context) {
    const { cluster, repository } = context;
    const folder = join(repository, 'deploy/uninstall');
    const nodes = nodeNames(cluster);
    cluster.apply(JSON.stringify(daemonSet(cluster)));
    createPods(cluster, [{ name: FORCED, labels: { app: FORCED }, hostPort: 18_080 }]);
    await awaitPods(cluster, nodes.length, `app=${KEPT}`);
    await awaitPods(cluster, 1, `app=${FORCED}`);
    cluster.kubectl('delete', '-k', join(repository, 'deploy/base'), '--wait=true');
    // The API forgets the pod at once, before its runtime has ended it.
    cluster.kubectl('delete', 'pod', FORCED, '--grace-period=0', '--force');
    cluster.kubectl('apply', '-k', folder);
    await waitFor(
      'the cleanup to refuse',
      () => (refusals(cluster).includes('still use this network') ? true : undefined),
      () => refusals(cluster),
    );
    cluster.kubectl('delete', 'pod', '-l', `app in (${KEPT}, ${LABEL})`, '--wait=false');
    cluster.kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/cnikit-uninstall', '--timeout=300s');
    cluster.kubectl('delete', 'daemonset', KEPT, '--wait=true', '--timeout=180s');
    cluster.kubectl('delete', '-k', folder, '--wait=true');
    const left = nodes.flatMap((node) => traces(context, node).map((line) => `${node}: ${line}`));
    if (left.length > 0) {
      throw new Error(`Traces remain:\n${left.join('\n')}`);
    }
    return undefined;
  },
};

/** A DaemonSet whose pods use the pod network. */
const KEPT = 'cnikit-kept';
/** A pod that is deleted without grace. */
const FORCED = 'cnikit-forced';

function daemonSet(cluster: Cluster): object {
  const labels = { app: KEPT };
  const template = podTemplate(cluster, { labels, spec: { tolerations: [{ operator: 'Exists' }] } });
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: KEPT, namespace: 'default' },
    spec: { selector: { matchLabels: labels }, template },
  };
}

/** The output of the cleanup on all nodes. */
function refusals({ kubectl }: Cluster): string {
  const selector = 'app.kubernetes.io/name=cnikit-uninstall';
  try {
    return kubectl('-n', NAMESPACE, 'logs', '-l', selector, '-c', 'cleanup', '--tail=20');
  } catch (error) {
    // The containers do not run yet.
    return (error as Error).message;
  }
}

/** Files, routes, rules and links of the agent and the plugin on a node. */
function traces(context: Context, node: string): string[] {
  const lines = (...argv: string[]) =>
    onNode(context, node, ...argv)
      .split('\n')
      .filter(Boolean);
  return [
    ...lines('find', '/opt/cni/bin', '/etc/cni/net.d', '/run/cnikit', '-mindepth', '1'),
    ...lines('ip', 'route', 'show', 'proto', '201'),
    ...lines('ip', '-6', 'route', 'show', 'proto', '201'),
    ...lines('sh', '-c', 'iptables-save; ip6tables-save').filter((line) => /cnikit/i.test(line)),
    ...lines('nft', 'list', 'tables').filter((line) => /cni/i.test(line)),
    ...lines('ip', '-o', 'link').filter((line) => /: cni/.test(line)),
  ];
}
