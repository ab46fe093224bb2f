import { machinesOf, onNode, type Scenario } from '../bed.ts';
import { nodeNames, readyNodes } from '../cluster.ts';
import { LABEL } from '../pods.ts';
import { waitFor } from '../wait.ts';

export const nodeRemoval: Scenario = {
  title: 'a node is drained and deleted: the others have no route to it; it joins again: they have',
  onMachines: true,
  async run(bed) {
    const { cluster } = bed;
    const machines = machinesOf(bed);
    const nodes = nodeNames(cluster);
    const [stays = '', goes = ''] = nodes;
    const routes = () =>
      onNode(bed, stays, 'ip', 'route', 'show', 'proto', '201').split('\n').filter(Boolean).length;
    const before = routes();
    cluster.kubectl(
      'drain',
      goes,
      '--ignore-daemonsets',
      '--force',
      '--delete-emptydir-data',
      '--timeout=180s',
    );
    machines.stop(goes, 'kubelet');
    cluster.kubectl('delete', 'node', goes);
    await waitFor(`${stays} to have no route to ${goes}`, () => (routes() === before - 1 ? true : undefined));
    machines.resume(goes, 'kubelet');
    await waitFor(`${goes} to be Ready again`, () => (readyNodes(cluster).includes(goes) ? true : undefined));
    await waitFor(`${stays} to have its route again`, () => (routes() === before ? true : undefined));
    cluster.kubectl('delete', 'pod', '-l', `app=${LABEL}`, '--wait=true', '--timeout=180s');
    return `${before} routes, then ${before - 1}, then ${before}`;
  },
};
