import { readFileSync } from 'node:fs';
import { ipVersion, nodeNames } from '../cluster.ts';
import { machinesOf, onNode, type Scenario } from '../context.ts';
import { inNamespaceOf, startInPod } from '../pod-program.ts';
import { inNamespace, PORT, type Pod, startPods } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { createService } from './services.ts';

/**
 * Sends a request every 0.3 s from one socket, which keeps its conntrack entry alive, and prints the answers. dd reads
 * whole datagrams; `read` of bash reads single bytes, and the kernel drops the rest.
 */
const CLIENT = `exec 3<>/dev/udp/$0/53
while :; do echo ask >&3; timeout 1 dd bs=1500 count=1 status=none <&3; sleep 0.3; done`;

/** Sends one request from a new socket and prints the answer. */
const PROBE = 'exec 3<>/dev/udp/$0/53; echo ask >&3; timeout 1 dd bs=1500 count=1 status=none <&3; true';

export const udpEndpointChanges: Scenario = {
  title: 'a UDP client of a Service reaches the new pod after the old one is deleted',
  needs: ['service proxy', 'machines'],
  dependsOnProxy: true,
  async run(context) {
    const { cluster } = context;
    const serve = (pod: Pod) =>
      startInPod(
        context,
        pod,
        `udp-${pod.name}`,
        'socat',
        `UDP${ipVersion(cluster)}-RECVFROM:${PORT},fork`,
        `EXEC:echo ${pod.name}`,
      );
    return await inNamespace(cluster, 'e2e-udp', async (namespace) => {
      const [node, other] = nodeNames(cluster);
      const web = { app: 'web' };
      const [from, old] = await startPods(
        cluster,
        [
          { name: 'client', node },
          { name: 'old', node: other, labels: web },
        ],
        namespace,
      );
      const { clusterIP } = createService(cluster, namespace, 'udp', {
        ports: [{ port: 53, targetPort: PORT, protocol: 'UDP' }],
      });
      const log = () => readFileSync(machinesOf(context).log(from!.node, 'udp-client'), 'utf8').trimEnd();
      const answersWith = (name: string) =>
        waitFor(
          `the ${name} pod to answer`,
          () => (log().split('\n').at(-1) === name ? true : undefined),
          () => `The client printed ${log().slice(-300)}`,
        );
      const ends = [serve(old!)];
      try {
        // A packet before kube-proxy's rules makes a conntrack entry that the client's next packets would keep alive.
        await waitFor('the Service to answer', () =>
          onNode(
            context,
            from!.node,
            ...inNamespaceOf(context, from!),
            'bash',
            '-c',
            PROBE,
            clusterIP,
          ).trim() === 'old'
            ? true
            : undefined,
        );
        ends.push(startInPod(context, from!, 'udp-client', 'bash', '-c', CLIENT, clusterIP));
        await answersWith('old');
        const [next] = await startPods(cluster, [{ name: 'new', node, labels: web }], namespace);
        ends.push(serve(next!));
        cluster.kubectl('-n', namespace, 'delete', 'pod', 'old', '--wait=true', '--timeout=180s');
        await answersWith('new');
      } finally {
        for (const end of ends) {
          end();
        }
      }
      return undefined;
    });
  },
};
