import { join } from 'node:path';
import { nodeNames } from '../cluster.ts';
import { type Context, onNode, type Scenario } from '../context.ts';
import { leftovers } from '../leftovers.ts';
import { LABEL } from '../pods.ts';
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
  title: 'uninstalling by docs/operations.md leaves no trace on any node',
  dependsOnProxy: true,
  needs: ['machines'],
  async run(context) {
    const { cluster, repository } = context;
    const folder = join(repository, 'deploy/uninstall');
    cluster.kubectl('delete', '-k', join(repository, 'deploy/base'), '--wait=true');
    cluster.kubectl('apply', '-k', folder);
    cluster.kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/cnikit-uninstall', '--timeout=180s');
    cluster.kubectl('delete', '-k', folder, '--wait=true');
    const left = nodeNames(cluster).flatMap((node) =>
      traces(context, node).map((line) => `${node}: ${line}`),
    );
    if (left.length > 0) {
      throw new Error(`Traces remain:\n${left.join('\n')}`);
    }
    return undefined;
  },
};

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
