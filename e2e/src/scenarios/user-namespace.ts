import { nodeAddress, nodeNames } from '../cluster.ts';
import { onNode, type Scenario } from '../context.ts';
import { leavingNothing } from '../leftovers.ts';
import { get, inPod, ping, startPods } from '../pods.ts';
import { waitFor } from '../wait.ts';

const HOST_PORT = 30_998;

export const userNamespace: Scenario = {
  title:
    'a pod with hostUsers: false has addresses, a host port, bandwidth limits and sysctls, and leaves nothing',
  needs: ['machines', 'user namespaces'],
  async run(context) {
    const { cluster } = context;
    return await leavingNothing(context, 'e2e-user-namespace', async (namespace) => {
      const [node = '', other] = nodeNames(cluster);
      const [pod, client] = await startPods(
        cluster,
        [
          {
            name: 'mapped',
            node,
            hostPort: HOST_PORT,
            annotations: { 'kubernetes.io/ingress-bandwidth': '9M' },
            spec: {
              hostUsers: false,
              securityContext: { sysctls: [{ name: 'net.ipv4.ip_local_port_range', value: '40000 41000' }] },
            },
          },
          { name: 'client', node: other },
        ],
        namespace,
      );
      const [, first] = inPod(cluster, pod!, 'cat /proc/self/uid_map').trim().split(/\s+/);
      if (first === '0') {
        throw new Error('The pod does not have its own user namespace');
      }
      const range = inPod(cluster, pod!, 'cat /proc/sys/net/ipv4/ip_local_port_range').trim();
      if (!/^40000\s+41000$/.test(range)) {
        throw new Error(`net.ipv4.ip_local_port_range is ${range}`);
      }
      ping(cluster, pod!, client!.ips);
      ping(cluster, client!, pod!.ips);
      const answer = get(cluster, client!, nodeAddress(cluster, node), HOST_PORT);
      if (answer !== pod!.name) {
        throw new Error(`The host port returned ${JSON.stringify(answer)}`);
      }
      await waitFor('the bandwidth limit', () =>
        onNode(context, node, 'tc', 'qdisc', 'show').includes('rate 9Mbit') ? true : undefined,
      );
      return `user 0 of the pod is user ${first} of the node`;
    });
  },
};
