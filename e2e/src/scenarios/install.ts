import { join } from 'node:path';
import { machinesOf, type Scenario } from '../bed.ts';
import { lastEvents, nodeNames, readyNodes } from '../cluster.ts';
import { waitFor } from '../wait.ts';

/** Where the DaemonSet is. */
export const NAMESPACE = 'kube-system';

export const notReadyBefore: Scenario = {
  title: 'nodes are registered and NotReady, for want of a CNI configuration',
  onMachines: true,
  async run({ cluster }) {
    const ready = readyNodes(cluster);
    if (ready.length > 0) {
      throw new Error(`Ready before anything was installed: ${ready.join(', ')}`);
    }
    return nodeNames(cluster).join(', ');
  },
};

export const install: Scenario = {
  title: 'kubectl apply -k deploy/base: an agent runs on every node, and only then is the node Ready',
  async run(bed) {
    const { cluster, repository, imageArchive } = bed;
    if (imageArchive !== undefined) {
      machinesOf(bed).load(imageArchive);
    }
    cluster.kubectl('apply', '-k', join(repository, 'deploy/base'));
    const nodes = nodeNames(cluster);
    await waitFor(
      'every node to be Ready',
      () => (readyNodes(cluster).length === nodes.length ? true : undefined),
      () => `${lastEvents(cluster)}\n${agentLog(cluster.kubectl)}`,
    );
    cluster.kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/cnikit-agent', '--timeout=180s');
    return `${nodes.length} nodes`;
  },
};

/** What the agents said last. */
export function agentLog(kubectl: (...argv: string[]) => string): string {
  return kubectl('-n', NAMESPACE, 'logs', '-l', 'app.kubernetes.io/name=cnikit-agent', '--tail=15');
}
