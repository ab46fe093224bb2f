import { nodeNames } from '../cluster.ts';
import { onNode, type Scenario } from '../context.ts';
import { awaitPods, createPods } from '../pods.ts';

const LABELS = { app: 'e2e-bandwidth' };

export const bandwidth: Scenario = {
  title: 'bandwidth annotations shape the traffic of a pod in both directions',
  needs: ['machines'],
  async run(context) {
    const { cluster } = context;
    const [node = ''] = nodeNames(cluster);
    createPods(cluster, [
      {
        name: 'shaped',
        node,
        labels: LABELS,
        annotations: { 'kubernetes.io/ingress-bandwidth': '8M', 'kubernetes.io/egress-bandwidth': '16M' },
      },
    ]);
    await awaitPods(cluster, 1, `app=${LABELS.app}`);
    const rates = [...onNode(context, node, 'tc', 'qdisc', 'show').matchAll(/qdisc tbf .* rate (\S+)/g)].map(
      ([, rate]) => rate,
    );
    cluster.kubectl('delete', 'pod', 'shaped', '--wait=true', '--timeout=180s');
    for (const rate of ['8Mbit', '16Mbit']) {
      if (!rates.includes(rate)) {
        throw new Error(`No qdisc has ${rate}, only ${rates.join(' ') || 'none'}`);
      }
    }
    return rates.join(' and ');
  },
};
