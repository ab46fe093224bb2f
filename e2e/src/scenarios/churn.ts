/** Pods start and end while kubelet is killed, or while containerd is restarted. */
import { lastEvents, nodeNames } from '../cluster.ts';
import { type Context, machinesOf, type Scenario } from '../context.ts';
import { leavingNothing } from '../leftovers.ts';
import { type Pod, podTemplate, runningPods } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { resumeRuntime } from './disturbances.ts';

const COUNT = 20;
const LABELS = { app: 'churn' };

/** Scales a Deployment on one node up and down, and injects a fault in the middle of both. */
async function churn(
  context: Context,
  namespace: string,
  node: string,
  fault: () => Promise<void>,
): Promise<Pod[]> {
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
  await fault();
  const pods = await waitFor(
    `${COUNT} pods to run`,
    () => (running().length === COUNT ? running() : undefined),
    () => lastEvents(cluster),
  );
  kubectl('-n', namespace, 'scale', 'deployment/churn', '--replicas=0');
  await waitFor('the first pods to end', () => (runningPodCount() < COUNT ? true : undefined));
  await fault();
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

function churnScenario(
  title: string,
  nodeIndex: number,
  fault: (context: Context, node: string) => Promise<void>,
): Scenario {
  return {
    title: `${title} during ${COUNT} pod starts and ${COUNT} pod ends leaks and duplicates no address`,
    needs: ['machines'],
    fault: true,
    async run(context) {
      const node = nodeNames(context.cluster)[nodeIndex]!;
      return await leavingNothing(context, `e2e-churn-${title.split(' ').at(-1)}`, async (namespace) =>
        assertDistinct(await churn(context, namespace, node, () => fault(context, node))),
      );
    },
  };
}

export const churnUnderKubelet = churnScenario('a kill of kubelet', 0, async (context, node) => {
  machinesOf(context).stop(node, 'kubelet', 'KILL');
  machinesOf(context).resume(node, 'kubelet');
});

export const churnUnderContainerd = churnScenario('a restart of containerd', 1, async (context, node) => {
  machinesOf(context).stop(node, 'containerd');
  await resumeRuntime(context, node);
});
