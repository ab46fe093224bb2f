/** Pods start and end while kubelet is killed. */
import { lastEvents, nodeNames } from '../cluster.ts';
import { type Context, machinesOf, type Scenario } from '../context.ts';
import { leavingNothing } from '../leftovers.ts';
import { type Pod, podTemplate, runningPods } from '../pods.ts';
import { waitFor } from '../wait.ts';

const COUNT = 20;
const LABELS = { app: 'churn' };

/** Scales a Deployment on one node up and down, and kills kubelet in the middle of both. */
async function churn(context: Context, namespace: string, node: string, kill: () => void): Promise<Pod[]> {
  const { cluster } = context;
  const { kubectl } = cluster;
  cluster.apply(
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'churn', namespace },
      spec: {
        replicas: COUNT,
        selector: { matchLabels: LABELS },
        template: podTemplate(cluster, { node, labels: LABELS, command: ['sleep', '3600'] }),
      },
    }),
  );
  const running = () => runningPods(cluster, 'app=churn', namespace);
  await waitFor('the first pods', () => (running().length > 2 ? true : undefined));
  kill();
  const pods = await waitFor(
    `${COUNT} pods to run`,
    () => (running().length === COUNT ? running() : undefined),
    () => lastEvents(cluster),
  );
  kubectl('-n', namespace, 'scale', 'deployment/churn', '--replicas=0');
  await waitFor('the first pods to end', () => (runningPodCount() < COUNT ? true : undefined));
  kill();
  await waitFor('all pods to end', () => (runningPodCount() === 0 ? true : undefined));
  return pods;

  function runningPodCount(): number {
    return kubectl('-n', namespace, 'get', 'pods', '-o', 'name').split('\n').filter(Boolean).length;
  }
}

function assertDistinct(pods: readonly Pod[]): string {
  const ips = pods.flatMap((pod) => pod.ips);
  if (new Set(ips).size !== ips.length) {
    throw new Error(`Two pods have the same address: ${ips.sort().join(' ')}`);
  }
  return `${ips.length} different addresses`;
}

export const churnUnderKubelet: Scenario = {
  title: `a kill of kubelet during ${COUNT} pod starts and ${COUNT} pod ends leaks and duplicates no address`,
  needs: ['machines'],
  fault: true,
  async run(context) {
    const [node = ''] = nodeNames(context.cluster);
    return await leavingNothing(context, 'e2e-churn-kubelet', async (namespace) =>
      assertDistinct(
        await churn(context, namespace, node, () => {
          machinesOf(context).stop(node, 'kubelet', 'KILL');
          machinesOf(context).resume(node, 'kubelet');
        }),
      ),
    );
  },
};
