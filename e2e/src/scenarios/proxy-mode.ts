import { nodeAddress, nodeNames } from '../cluster.ts';
import { type Context, machinesOf, type Scenario } from '../context.ts';
import { leavingNothing } from '../leftovers.ts';
import { get, type Pod, ping, startPods } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { createService } from './services.ts';

const HOST_PORT = 30_996;

/** Starts kube-proxy again in another mode: of an option that is given twice, the last value counts. */
function setMode(context: Context, mode: string): void {
  const machines = machinesOf(context);
  for (const node of nodeNames(context.cluster)) {
    machines.stop(node, 'kube-proxy');
    machines.resume(node, 'kube-proxy', `--proxy-mode=${mode}`);
  }
}

export const proxyModeChanges: Scenario = {
  title: "pods, Services and host ports work after each change of kube-proxy's mode on a running cluster",
  needs: ['machines', 'nftables proxy'],
  fault: true,
  async run(context) {
    const { cluster } = context;
    const mode = cluster.proxy ?? '';
    const other = mode === 'nftables' ? 'iptables' : 'nftables';
    return await leavingNothing(context, 'e2e-proxy-mode', async (namespace) => {
      const [node = '', client] = nodeNames(cluster);
      const labels = { app: 'web' };
      const [web, from] = await startPods(
        cluster,
        [
          { name: 'web', node, labels, hostPort: HOST_PORT },
          { name: 'client', node: client },
        ],
        namespace,
      );
      const { clusterIP } = createService(cluster, namespace, 'web');
      await works(web!, from!, clusterIP);
      for (const next of [other, mode]) {
        setMode(context, next);
        await works(web!, from!, clusterIP);
      }
      return `${mode}, ${other}, ${mode}`;

      async function works(server: Pod, origin: Pod, service: string): Promise<void> {
        ping(cluster, origin, server.ips);
        for (const [host, port] of [
          [nodeAddress(cluster, node), HOST_PORT],
          [service, 80],
        ] as const) {
          await waitFor(`${server.name} to answer at ${host}:${port}`, () => {
            try {
              return get(cluster, origin, host, port) === server.name ? true : undefined;
            } catch {
              return undefined;
            }
          });
        }
      }
    });
  },
};
