import { nodeNames } from '../cluster.ts';
import { onNode, type Scenario } from '../context.ts';
import { inNamespace, startPods } from '../pods.ts';

export const bandwidth: Scenario = {
  title: 'bandwidth annotations shape the traffic of a pod in both directions',
  needs: ['machines'],
  async run(context) {
    const { cluster } = context;
    return await inNamespace(cluster, 'e2e-bandwidth', async (namespace) => {
      const [node = ''] = nodeNames(cluster);
      const annotations = {
        'kubernetes.io/ingress-bandwidth': '8M',
        'kubernetes.io/egress-bandwidth': '16M',
      };
      await startPods(cluster, [{ name: 'shaped', node, annotations }], namespace);
      const rates = [
        ...onNode(context, node, 'tc', 'qdisc', 'show').matchAll(/qdisc tbf .* rate (\S+)/g),
      ].map(([, rate]) => rate);
      for (const rate of ['8Mbit', '16Mbit']) {
        if (!rates.includes(rate)) {
          throw new Error(`No qdisc has rate ${rate}; found ${rates.join(' ') || 'none'}`);
        }
      }
      return rates.join(' and ');
    });
  },
};
