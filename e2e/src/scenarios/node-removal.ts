import { ipVersion, nodeNames, readyNodes } from '../cluster.ts';
import { machinesOf, onNode, type Scenario } from '../context.ts';
import { logOperatorView } from '../operator-view.ts';
import { LABEL } from '../pods.ts';
import { waitFor } from '../wait.ts';

export const nodeRemoval: Scenario = {
  title: 'the agents remove the route to a deleted node and restore it when the node joins again',
  fault: true,
  needs: ['machines'],
  async run(context) {
    const { cluster } = context;
    const machines = machinesOf(context);
    const nodes = nodeNames(cluster);
    const [stays = '', goes = ''] = nodes;
    const routes = () =>
      onNode(context, stays, 'ip', `-${ipVersion(cluster)}`, 'route', 'show', 'proto', '201')
        .split('\n')
        .filter(Boolean).length;
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
    logOperatorView(cluster, `${goes} is deleted`);
    machines.resume(goes, 'kubelet');
    await waitFor(`${goes} to be Ready again`, () => (readyNodes(cluster).includes(goes) ? true : undefined));
    await waitFor(`${stays} to have its route again`, () => (routes() === before ? true : undefined));
    cluster.kubectl('delete', 'pod', '-l', `app=${LABEL}`, '--wait=true', '--timeout=180s');
    return `${before} routes, then ${before - 1}, then ${before}`;
  },
};
