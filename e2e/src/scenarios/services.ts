import type { Scenario } from '../bed.ts';
import { type Cluster, items, nodeNames } from '../cluster.ts';
import { awaitPods, createPods, get, LABEL, PORT, type Pod } from '../pods.ts';
import { waitFor } from '../wait.ts';

interface Service {
  spec: { clusterIP: string; ports: { nodePort: number }[] };
}

const NAME = 'e2e-web';

export const services: Scenario = {
  title: 'a Service answers on its ClusterIP and, on every node, on its NodePort',
  async run({ cluster }) {
    if (!hasServiceProxy(cluster)) {
      return 'left out: nothing here serves services';
    }
    const nodes = nodeNames(cluster);
    createPods(
      cluster,
      nodes.map((node) => ({ name: `web-${node}`, node, labels: { app: 'e2e-web' } })),
    );
    cluster.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: NAME, labels: { app: LABEL } },
        spec: { type: 'NodePort', selector: { app: NAME }, ports: [{ port: 80, targetPort: PORT }] },
      }),
    );
    await awaitPods(cluster, nodes.length, `app=${NAME}`);
    const clients = await awaitPods(cluster, nodes.length * 2);
    const { spec } = JSON.parse(cluster.kubectl('get', 'service', NAME, '-o', 'json')) as Service;
    const client = clients[0] as Pod;
    const backends = await answers(cluster, client, spec.clusterIP, 80, nodes.length);
    const addresses = items<{ status: { addresses: { type: string; address: string }[] } }>(cluster, 'nodes')
      .flatMap(({ status }) => status.addresses)
      .filter(({ type, address }) => type === 'InternalIP' && !address.includes(':'));
    for (const { address } of addresses) {
      await answers(cluster, client, address, spec.ports[0]!.nodePort, 1);
    }
    cluster.kubectl('delete', 'service', NAME);
    cluster.kubectl('delete', 'pod', '-l', `app=${NAME}`, '--wait=true', '--timeout=180s');
    return `${backends.join(' and ')} behind ${spec.clusterIP}, NodePort on ${addresses.length} nodes`;
  },
};

/** Asks until `count` different pods have answered. */
async function answers(
  cluster: Cluster,
  from: Pod,
  host: string,
  port: number,
  count: number,
): Promise<string[]> {
  const seen = new Set<string>();
  let trouble = '';
  return await waitFor(
    `${count} pods to answer at ${host}:${port}`,
    () => {
      try {
        seen.add(get(cluster, from, host, port));
      } catch (error) {
        trouble = String(error);
      }
      return seen.size >= count ? [...seen].sort() : undefined;
    },
    () => trouble,
  );
}

/** kube-proxy, as a process of the node or as a DaemonSet, leaves its chains; asked of the API there is only this. */
function hasServiceProxy({ kubectl, machines }: Cluster): boolean {
  if (machines !== undefined) {
    return machines.exec('n1', 'iptables-save', '-t', 'nat').stdout.includes('KUBE-SERVICES');
  }
  return kubectl('-n', 'kube-system', 'get', 'pods', '-o', 'name').includes('kube-proxy');
}
