import { onNode, type Scenario } from '../bed.ts';
import { type Cluster, items, nodeNames } from '../cluster.ts';
import { awaitPods, createPods, get, type Pod } from '../pods.ts';
import { waitFor } from '../wait.ts';

const PORT_ON_HOST = 30_999;
const LABELS = { app: 'e2e-host-port' };

export const hostPort: Scenario = {
  title: 'a hostPort answers from pods of every node and from the pod itself, and is gone with the pod',
  async run(bed) {
    const { cluster } = bed;
    const [node = ''] = nodeNames(cluster);
    createPods(cluster, [{ name: 'host-port', node, labels: LABELS, hostPort: PORT_ON_HOST }]);
    const [server] = (await awaitPods(cluster, 1, `app=${LABELS.app}`)) as [Pod];
    const address = internalIP(cluster, node);
    const clients = await awaitPods(cluster, nodeNames(cluster).length * 2);
    for (const client of [...clients, server]) {
      const said = get(cluster, client, address, PORT_ON_HOST);
      if (said !== server.name) {
        throw new Error(`${client.name} got ${JSON.stringify(said)}`);
      }
    }
    if (cluster.machines !== undefined) {
      onNode(bed, node, 'bash', '-c', `< /dev/tcp/127.0.0.1/${PORT_ON_HOST}`);
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

/** The IPv4 address of a node. */
function internalIP(cluster: Cluster, node: string): string {
  const found = items<{
    metadata: { name: string };
    status: { addresses: { type: string; address: string }[] };
  }>(cluster, 'nodes')
    .find(({ metadata }) => metadata.name === node)
    ?.status.addresses.find(({ type, address }) => type === 'InternalIP' && !address.includes(':'));
  if (found === undefined) {
    throw new Error(`Node ${node} has no IPv4 InternalIP`);
  }
  return found.address;
}
