import { ipVersion, nodeAddress, nodeNames } from '../cluster.ts';
import { onNode, type Scenario } from '../context.ts';
import { awaitPods, get, inNamespace, startPods } from '../pods.ts';
import { waitFor } from '../wait.ts';

const PORT_ON_HOST = 30_999;

export const hostPort: Scenario = {
  title: 'a hostPort answers pods of every node and the pod itself, and closes with the pod',
  dependsOnProxy: true,
  async run(context) {
    const { cluster } = context;
    const [node = ''] = nodeNames(cluster);
    const address = nodeAddress(cluster, node);
    const clients = await awaitPods(cluster, nodeNames(cluster).length * 2);
    await inNamespace(cluster, 'e2e-host-port', async (namespace) => {
      const plan = { name: 'host-port', node, hostPort: PORT_ON_HOST };
      const [server] = await startPods(cluster, [plan], namespace);
      for (const client of [...clients, server!]) {
        const answer = get(cluster, client, address, PORT_ON_HOST);
        if (answer !== plan.name) {
          throw new Error(`${client.name} got ${JSON.stringify(answer)}`);
        }
      }
      // IPv6 does not route packets from ::1.
      if (cluster.machines !== undefined && ipVersion(cluster) === 4) {
        onNode(context, node, 'bash', '-c', `< /dev/tcp/127.0.0.1/${PORT_ON_HOST}`);
      }
    });
    await waitFor('the host port to be closed', () => {
      try {
        get(cluster, clients[0]!, address, PORT_ON_HOST);
        return undefined;
      } catch {
        return true;
      }
    });
    return `${clients.length + 1} clients`;
  },
};
