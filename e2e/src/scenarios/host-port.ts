import { nodeIPv4, nodeNames } from '../cluster.ts';
import { onNode, type Scenario } from '../context.ts';
import { awaitPods, createPods, get, type Pod } from '../pods.ts';
import { waitFor } from '../wait.ts';

const PORT_ON_HOST = 30_999;
const LABELS = { app: 'e2e-host-port' };

export const hostPort: Scenario = {
  title: 'a hostPort answers pods of every node and the pod itself, and closes with the pod',
  dependsOnProxy: true,
  async run(context) {
    const { cluster } = context;
    const [node = ''] = nodeNames(cluster);
    createPods(cluster, [{ name: 'host-port', node, labels: LABELS, hostPort: PORT_ON_HOST }]);
    const [server] = (await awaitPods(cluster, 1, `app=${LABELS.app}`)) as [Pod];
    const address = nodeIPv4(cluster, node);
    const clients = await awaitPods(cluster, nodeNames(cluster).length * 2);
    for (const client of [...clients, server]) {
      const answer = get(cluster, client, address, PORT_ON_HOST);
      if (answer !== server.name) {
        throw new Error(`${client.name} got ${JSON.stringify(answer)}`);
      }
    }
    if (cluster.machines !== undefined) {
      onNode(context, node, 'bash', '-c', `< /dev/tcp/127.0.0.1/${PORT_ON_HOST}`);
    }
    cluster.kubectl('delete', 'pod', server.name, '--wait=true', '--timeout=180s');
    await waitFor('the host port to be closed', () => {
      try {
        get(cluster, clients[0] as Pod, address, PORT_ON_HOST);
        return undefined;
      } catch {
        return true;
      }
    });
    return `${clients.length + 1} clients`;
  },
};
