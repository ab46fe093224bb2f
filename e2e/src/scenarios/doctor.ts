import type { Scenario } from '../bed.ts';
import { NAMESPACE } from './install.ts';

export const doctor: Scenario = {
  title: "cnikit-agent doctor finds nothing wrong in any agent's pod",
  async run({ cluster }) {
    const path = 'jsonpath={.items[*].metadata.name}';
    const label = 'app.kubernetes.io/name=cnikit-agent';
    const pods = cluster.kubectl('-n', NAMESPACE, 'get', 'pods', '-l', label, '-o', path).split(' ');
    for (const pod of pods) {
      // It ends with a status other than 0 when something is wrong.
      const program = ['node', '/opt/cnikit/cnikit-agent.js', 'doctor'];
      cluster.kubectl('-n', NAMESPACE, 'exec', pod, '-c', 'agent', '--', ...program);
    }
    return undefined;
  },
};
