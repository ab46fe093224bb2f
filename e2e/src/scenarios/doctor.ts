import type { Scenario } from '../context.ts';
import { NAMESPACE } from './install.ts';

export const doctor: Scenario = {
  title: 'cnikit-agent doctor finds no problem on any node',
  dependsOnProxy: true,
  async run({ cluster }) {
    const path = 'jsonpath={.items[*].metadata.name}';
    const label = 'app.kubernetes.io/name=cnikit-agent';
    const pods = cluster.kubectl('-n', NAMESPACE, 'get', 'pods', '-l', label, '-o', path).split(' ');
    for (const pod of pods) {
      // Its status is not 0 when it finds a problem.
      const program = ['node', '/opt/cnikit/cnikit-agent.js', 'doctor'];
      cluster.kubectl('-n', NAMESPACE, 'exec', pod, '-c', 'agent', '--', ...program);
    }
    return undefined;
  },
};
