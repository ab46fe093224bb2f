import { join } from 'node:path';
import { type Bed, onNode, type Scenario } from '../bed.ts';
import { nodeNames } from '../cluster.ts';
import { leftovers } from '../leftovers.ts';
import { LABEL } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { NAMESPACE } from './install.ts';

export const podsLeaveNothing: Scenario = {
  title: 'deleting all pods frees every address, link and host port',
  async run(bed) {
    bed.cluster.kubectl('delete', 'pod', '-l', `app=${LABEL}`, '--wait=true', '--timeout=180s');
    if (bed.cluster.machines === undefined) {
      return 'deleted; the nodes cannot be looked at';
    }
    for (const node of nodeNames(bed.cluster)) {
      await waitFor(
        `node ${node} to hold nothing of pods`,
        () => (leftovers(bed, node).length === 0 ? true : undefined),
        () => leftovers(bed, node).join('\n'),
      );
    }
    return 'leftovers = 0';
  },
};

export const uninstall: Scenario = {
  title: 'uninstalling as docs/operations.md says leaves no trace on any node',
  onMachines: true,
  async run(bed) {
    const { cluster, repository } = bed;
    const folder = join(repository, 'deploy/uninstall');
    cluster.kubectl('delete', '-k', join(repository, 'deploy/base'), '--wait=true');
    cluster.kubectl('apply', '-k', folder);
    cluster.kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/cnikit-uninstall', '--timeout=180s');
    cluster.kubectl('delete', '-k', folder, '--wait=true');
    const left = nodeNames(cluster).flatMap((node) => traces(bed, node).map((line) => `${node}: ${line}`));
    if (left.length > 0) {
      throw new Error(`There is still:\n${left.join('\n')}`);
    }
    return undefined;
  },
};

/** What of the agent and the plugin is on a node. */
function traces(bed: Bed, node: string): string[] {
  const lines = (...argv: string[]) =>
    onNode(bed, node, ...argv)
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
